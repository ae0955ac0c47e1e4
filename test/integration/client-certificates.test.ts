import { createServer, type Server } from 'node:https';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClientCertificate,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
} from '../../src/index.js';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  heldCertificate,
} from '../../src/testing/index.js';
import { startOpenSslServer } from '../support/openssl-server.js';

/** What is said of our own certificate when a server does not take it. */

const cleanups: (() => unknown)[] = [];
const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const usage = { extendedKeyUsages: ['clientAuth'] } as const;
let server: HeldCertificate;
let clientCa: HeldCertificate;

beforeAll(async () => {
  server = await heldCertificate();
  clientCa = await heldCertificate({ isCa: true, commonName: 'Clients CA' });
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** As https.createServer does it, and not as our kit: it closes without a word. */
async function serveNode(version: (typeof VERSIONS)[number]): Promise<string> {
  const listening: Server = createServer(
    {
      ...{ key: server.keyPem, cert: server.pem, ca: clientCa.pem },
      ...{ requestCert: true, rejectUnauthorized: true },
      ...{ minVersion: version, maxVersion: version },
    },
    (request, response) => {
      if (request.url === '/crash') request.socket.destroy();
      else if (request.url === '/half') response.write('half');
      else response.end('ok');
      if (request.url === '/half') setTimeout(() => request.socket.destroy(), 50);
    },
  );
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    listening.closeAllConnections();
    listening.close();
  });
  return `https://127.0.0.1:${(listening.address() as { port: number }).port}`;
}

async function serveOpenSsl(version: (typeof VERSIONS)[number]): Promise<string> {
  const args = [version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'];
  const one = await startOpenSslServer({ certificate: server, clientCa, args });
  cleanups.push(() => one[Symbol.asyncDispose]());
  return one.url;
}

const of = (held: HeldCertificate): ClientCertificate => ({
  cert: held.chainPem,
  key: held.keyPem,
});
const issued = (options: HeldCertificateOptions = {}) =>
  heldCertificate({ signedBy: clientCa, ...usage, ...options });

async function refusal(url: string, clientCertificate?: ClientCertificate, path = '/') {
  const trust = { ca: server.pem, ...(clientCertificate && { clientCertificate }) };
  const factory = makeCustomClientFactory(trust);
  cleanups.push(() => factory.close());
  const result = await factory()(`${url}${path}`).catch(explainTlsError);
  return result instanceof Response ? { code: result.status, hint: undefined } : result;
}

describe.each([
  ['a Node.js server', serveNode],
  ['openssl s_server', serveOpenSsl],
] as const)('%s', (_, serve) => {
  it.each(VERSIONS)('that does not know the issuer: the hint names it (%s)', async (version) => {
    const url = await serve(version);
    const stranger = await heldCertificate({ isCa: true, commonName: 'Strangers CA' });
    const foreign = await heldCertificate({ signedBy: stranger, ...usage });
    const error = await refusal(url, of(foreign));
    expect(error).toMatchObject({
      code: 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
      hint: expect.stringContaining('CN=Strangers CA'),
    });
    expect(error?.hint).not.toContain('BEGIN');
    const trust = { ca: server.pem, clientCertificate: of(foreign) };
    const { problems } = await fetchPeerCertificate(url, { trust });
    expect(JSON.stringify(problems)).toContain('client-certificate');
  });

  it.each(VERSIONS)(
    'that is shown one for servers only: the hint says so (%s)',
    async (version) => {
      const url = await serve(version);
      const error = await refusal(url, of(await issued({ extendedKeyUsages: ['serverAuth'] })));
      expect(error).toMatchObject({
        code: 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
        hint: expect.stringContaining('clientAuth'),
      });
    },
  );

  it.each(VERSIONS)('that is shown one that ended while the client ran (%s)', async (version) => {
    const url = await serve(version);
    const ending = await issued({ notAfter: new Date(Date.now() + 1_500) });
    const factory = makeCustomClientFactory({ ca: server.pem, clientCertificate: of(ending) });
    cleanups.push(() => factory.close());
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await factory()(url).catch(explainTlsError)).toMatchObject({
      code: 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
      hint: expect.stringMatching(/expired on/),
    });
  });

  it.each(VERSIONS)('that takes it: 200 (%s)', async (version) => {
    expect(await refusal(await serve(version), of(await issued()))).toMatchObject({ code: 200 });
  });
});

describe('a server that took the client certificate', () => {
  it('and breaks off in its answer, or over a connection that was used, refuses none', async () => {
    const url = await serveNode('TLSv1.3');
    const factory = makeCustomClientFactory({
      ca: server.pem,
      clientCertificate: of(await issued()),
    });
    cleanups.push(() => factory.close());
    const client = factory();
    const body = (await client(`${url}/half`)).text();
    expect(await body.catch(explainTlsError)).toMatchObject({ code: 'MCP_TLS_UNREACHABLE' });
    await (await client(url)).text();
    const error = await client(`${url}/crash`, { method: 'POST', body: 'x' }).catch(
      explainTlsError,
    );
    expect(error).toMatchObject({ code: 'MCP_TLS_UNREACHABLE' });
  });
});
