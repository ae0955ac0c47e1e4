import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { promisify } from 'node:util';
import {
  type CustomClientFactoryOptions,
  createCertificateStore,
  fetchPeerCertificate,
  makeCustomClientFactory,
  streamableHttpClient,
  type TrustInput,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { weakGroup } from '../one-judge/support/present.js';
import { debianProgram } from './debian-program.js';
import { startProxy } from './start-proxy.js';

/**
 * Mistakes that people make, and what they meet at first: each provoked for real, by a server of its own
 * where one matters. Each rejects or throws as it would in an application.
 */

type Held = Awaited<ReturnType<typeof heldCertificate>>;
type HeldOptions = Parameters<typeof heldCertificate>[0];

const DAY_MS = 86_400_000;

/** Asks a server that shows `certificate` under `trust`. */
async function ask(
  certificate: Held,
  trust: TrustInput,
  options: CustomClientFactoryOptions = {},
): Promise<unknown> {
  await using server = await startTlsServer({ certificate });
  return await request(server.url, trust, options);
}

async function request(
  url: string,
  trust: TrustInput,
  options: CustomClientFactoryOptions = {},
  init: Parameters<ReturnType<typeof makeCustomClientFactory>>[0] = { url },
): Promise<unknown> {
  const factory = makeCustomClientFactory(trust, options);
  try {
    return await (await factory(init)(url)).text();
  } finally {
    await factory.close();
  }
}

async function askOwn(options: HeldOptions): Promise<unknown> {
  const certificate = await heldCertificate(options);
  return ask(certificate, certificate.pem);
}

function withKey(key: unknown): unknown {
  const keys = [{ id: 'k1', key: key as string }];
  return createCertificateStore({ keys, storage: 'memory', whenEmpty: 'create' });
}

async function onlyDiffieHellman(): Promise<unknown> {
  const certificate = await heldCertificate({ key: 'rsa2048' });
  const server = createServer({
    cert: certificate.pem,
    key: certificate.keyPem,
    dhparam: weakGroup(),
    maxVersion: 'TLSv1.2',
    ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
  });
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  try {
    return await request(`https://127.0.0.1:${port}`, certificate.pem);
  } finally {
    server.close();
  }
}

const run = promisify(execFile);

/** A PKCS #12 file, made by OpenSSL. */
async function p12(): Promise<Buffer> {
  const { pem: certificatePem, keyPem } = await heldCertificate();
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-p12-'));
  try {
    await writeFile(join(folder, 'both.pem'), certificatePem + keyPem, { mode: 0o600 });
    const args = [
      'pkcs12',
      '-export',
      '-in',
      'both.pem',
      '-out',
      'a.p12',
      '-passout',
      'pass:sesame',
    ];
    await run(await debianProgram('openssl'), args, { cwd: folder });
    return await readFile(join(folder, 'a.p12'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const SITUATIONS: Readonly<Record<string, () => unknown>> = {
  'a common name only': () => askOwn({ commonName: '127.0.0.1', dns: [], ip: [] }),

  'an IP address written as a DNS name': () => askOwn({ dns: ['127.0.0.1'], ip: [] }),

  'a certificate for other names': () => askOwn({ dns: ['weather.internal'], ip: [] }),

  'expired, and trusted': () =>
    askOwn({
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() - DAY_MS),
    }),

  'the right pin, and the roots that do not vouch': async () => {
    const certificate = await heldCertificate();
    return ask(certificate, { roots: 'default', pins: [certificate.spkiPin] });
  },

  'a pin and nothing else': async () => {
    const { spkiPin } = await heldCertificate();
    return makeCustomClientFactory({ pins: [spkiPin] } as unknown as TrustInput);
  },

  'another certificate than the trusted one': async () =>
    ask(await heldCertificate(), (await heldCertificate()).pem),

  'another certificate with the same key': async () => {
    const old = await heldCertificate();
    return ask(await heldCertificate({ renewFrom: old }), old.pem);
  },

  'another certificate, of an authority': async () => {
    const ca = await heldCertificate({ isCa: true });
    return ask(await heldCertificate({ signedBy: ca }), (await heldCertificate()).pem);
  },

  'an authority that carries names': async () => {
    const ca = await heldCertificate({ isCa: true, dns: ['ca.internal'] });
    return ask(await heldCertificate({ signedBy: ca }), ca.pem);
  },

  'first contact with a self-signed server': async () => ask(await heldCertificate(), null),

  'an OAuth origin with another certificate': async () => {
    const [own, other] = [await heldCertificate(), await heldCertificate()];
    await using server = await startTlsServer({ certificate: other });
    // Behind a proxy, which looks the name up: at this address none that only a peer named is reached.
    await using proxy = await startProxy();
    const init = { url: 'https://127.0.0.1:1/mcp' };
    return await request(server.urlFor('localhost'), own.pem, { proxy: proxy.url }, init);
  },

  'a server that offers only finite-field Diffie-Hellman': onlyDiffieHellman,

  'a proxy that wants NTLM': async () => {
    const answer =
      'HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: NTLM\r\nProxy-Authenticate: Negotiate\r\nContent-Length: 0\r\n\r\n';
    await using proxy = await startProxy({ answer });
    return await request('https://127.0.0.1:9', null, { proxy: proxy.url });
  },

  'a proxy that wants a password': async () => {
    await using proxy = await startProxy({ credentials: 'user:sesame' });
    return await request('https://127.0.0.1:9', null, { proxy: proxy.url });
  },

  'a PKCS #12 file as client certificate': async () => {
    const { pem: certificatePem } = await heldCertificate();
    return makeCustomClientFactory({
      ca: certificatePem,
      clientCertificate: { cert: await p12(), key: await p12() },
    });
  },

  'a PKCS #12 file as key': async () => {
    const { pem: certificatePem } = await heldCertificate();
    return makeCustomClientFactory({
      ca: certificatePem,
      clientCertificate: { cert: certificatePem, key: await p12() },
    });
  },

  'a PKCS #12 file as trust': async () => makeCustomClientFactory({ ca: await p12() }),

  'a PKCS #12 file as trust, in base64': async () =>
    makeCustomClientFactory((await p12()).toString('base64')),

  'a path as trust': () => makeCustomClientFactory('./sesame/weather.pem'),

  'a path of Windows as trust': () => makeCustomClientFactory('C:\\certs\\weather'),

  'a fingerprint as trust': async () =>
    makeCustomClientFactory((await heldCertificate()).fingerprint),

  'a pin as trust': async () => makeCustomClientFactory((await heldCertificate()).spkiPin),

  'base64 without its PEM lines as trust': async () => {
    const { pem: certificatePem } = await heldCertificate();
    return makeCustomClientFactory(certificatePem.replace(/-----[A-Z ]+-----/g, ''));
  },

  'a token with "Bearer " before it': () =>
    makeCustomClientFactory(null)({ url: 'https://localhost', auth: 'Bearer sesame' }),

  'a token with a line break behind it': () =>
    makeCustomClientFactory(null)({ url: 'https://localhost', auth: 'sesame\n' }),

  'a URL without a scheme (fetchPeerCertificate)': () => fetchPeerCertificate('127.0.0.1:9100'),

  'a URL without a scheme (a transport)': () =>
    streamableHttpClient('weather.internal:8443/mcp', { trust: null }),

  'an http: URL (a transport)': () =>
    streamableHttpClient('http://weather.internal/mcp', { trust: null }),

  'a store key that is unset': () => withKey(undefined),

  'a store key in hex': () => withKey(randomBytes(32).toString('hex')),

  'a passphrase as store key': () => withKey('correct horse battery staple'),

  'a store key in quotes': () => withKey(`"${randomBytes(32).toString('base64')}"`),

  'a store key with a line break behind it': () =>
    withKey(`${randomBytes(32).toString('base64')}\n`),

  'a store key of 16 bytes': () => withKey(randomBytes(16).toString('base64')),
};
