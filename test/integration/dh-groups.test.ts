import { randomBytes } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError, fetchPeerCertificate, makeCustomClientFactory } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { startOpenSslServer } from '../support/openssl-server.js';

/** Finite-field Diffie-Hellman: with a modulus of 10,000 bits, which need be no prime, a handshake takes 0.9 s. */

const opened: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const certificate = await heldCertificate({ key: 'rsa2048' });

/** DHParameter (PKCS #3) of any number of so many bits, and the generator 2. */
function group(bits: number): string {
  const modulus = randomBytes(bits / 8);
  modulus[0] = 0x7f;
  modulus[modulus.length - 1] = (modulus.at(-1) as number) | 1;
  const integer = (value: Buffer): Buffer => element(0x02, value);
  const der = element(0x30, Buffer.concat([integer(modulus), integer(Buffer.of(2))]));
  const lines = der.toString('base64').match(/.{1,64}/g) as string[];
  return `-----BEGIN DH PARAMETERS-----\n${lines.join('\n')}\n-----END DH PARAMETERS-----\n`;
}

function element(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

async function serve(bits: number, ciphers: string, held: HeldCertificate = certificate) {
  const { pem: cert, keyPem: key } = held;
  const options = { cert, key, maxVersion: 'TLSv1.2', ciphers, dhparam: group(bits) } as const;
  const server = createServer(options, (_request, response) => void response.end('x'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  opened.push({
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function ask(url: string): Promise<string> {
  const factory = makeCustomClientFactory(certificate.pem);
  opened.push(factory);
  const client = factory();
  return client(url).then(
    (response) => response.text(),
    (error) => explainTlsError(error)?.code ?? String(error),
  );
}

const ONLY_DHE = 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0';

describe('a server that offers nothing else', () => {
  it('is refused without a computation, whatever its modulus', async () => {
    const url = await serve(8192, ONLY_DHE);
    await ask(await serve(8192, 'ECDHE-RSA-AES128-GCM-SHA256'));
    const { user } = process.cpuUsage();
    const code = await ask(url);
    // The server is in this process too. It was 280 ms on each side.
    expect((process.cpuUsage().user - user) / 1000).toBeLessThan(150);
    expect(code).toBe('MCP_TLS_PROTOCOL_MISMATCH');
  });

  it('is said to, by a probe as well', async () => {
    const url = await serve(2048, ONLY_DHE);
    const error = await fetchPeerCertificate(url).catch((e: unknown) => e);
    expect(explainTlsError(error)).toMatchObject({
      code: 'MCP_TLS_PROTOCOL_MISMATCH',
      hint: expect.stringMatching(/Diffie-Hellman.*ECDHE/),
    });
  });
});

it('a server that offers ECDHE as well is connected to by that', async () => {
  const url = await serve(2048, `${ONLY_DHE}:ECDHE-RSA-AES128-GCM-SHA256`);
  expect(await ask(url)).toBe('x');
});

it('a TLS 1.3 server that insists on a group of 8,192 bits is refused', async () => {
  await using server = await startOpenSslServer({
    certificate,
    args: ['-tls1_3', '-groups', 'ffdhe8192'],
  });
  expect(await ask(server.url)).toBe('MCP_TLS_PROTOCOL_MISMATCH');
  const error = await fetchPeerCertificate(server.url).catch((e: unknown) => e);
  expect(explainTlsError(error)?.code).toBe('MCP_TLS_PROTOCOL_MISMATCH');
});
