import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CONNECTION_WORDS } from '../../src/errors/words/connection-words.js';
import {
  type ConnectionErrorCode,
  type CustomClientFactoryOptions,
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  McpTlsError,
  makeCustomClientFactory,
  type SseClientOptions,
  sseClient,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
  type TrustErrorCode,
  type TrustInput,
} from '../../src/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { Provider } from '../oauth/support/provider.js';
import { World } from '../oauth/support/world.js';
import { startProxy } from '../support/start-proxy.js';

/** Every code that a connection can fail with, provoked over a real one. */

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

type HeldOptions = Parameters<typeof heldCertificate>[0];
type ServerOptions = Partial<Parameters<typeof startTlsServer>[0]>;

async function selfSigned(options: HeldOptions = {}, serverOptions: ServerOptions = {}) {
  const certificate = await heldCertificate(options);
  const server = await startTlsServer({ certificate, ...serverOptions });
  return { certificate, server, trust: certificate.pem };
}

async function ask(
  url: string,
  trust: TrustInput,
  options: CustomClientFactoryOptions & { init?: RequestInit } = {},
): Promise<unknown> {
  const { init, ...factoryOptions } = options;
  const factory = makeCustomClientFactory(trust, factoryOptions);
  try {
    await (await factory({ url })(url, init)).text();
    return 'no error';
  } catch (error) {
    return error;
  } finally {
    await factory.close();
  }
}

type Code = TrustErrorCode | ConnectionErrorCode | 'MCP_TLS_UNSUPPORTED_RUNTIME';

// The compiler sees to it that there is one for every code of the unions.
const CASES: Record<Code, () => Promise<unknown>> = {
  async MCP_TLS_SELF_SIGNED() {
    const { server } = await selfSigned();
    await using _ = server;
    return await ask(server.url, null);
  },
  async MCP_TLS_UNKNOWN_ISSUER() {
    const ca = await heldCertificate({ isCa: true });
    const { server } = await selfSigned({ signedBy: ca });
    await using _ = server;
    return await ask(server.url, (await heldCertificate({ isCa: true })).pem);
  },
  async MCP_TLS_INCOMPLETE_CHAIN() {
    const root = await heldCertificate({ isCa: true });
    const middle = await heldCertificate({ isCa: true, signedBy: root });
    const leaf = { signedBy: middle, issuerUrls: ['http://ca.example/middle.crt'] };
    const { server } = await selfSigned(leaf, { sendChain: 'leaf' });
    await using _ = server;
    return await ask(server.url, root.pem);
  },
  async MCP_TLS_NAME_MISMATCH() {
    const { server, trust } = await selfSigned({ dns: ['other.example'] });
    await using _ = server;
    return await ask(server.url, trust);
  },
  async MCP_TLS_PIN_MISMATCH() {
    const { server } = await selfSigned();
    await using _ = server;
    const other = await heldCertificate();
    return await ask(server.url, { identity: 'pin', pins: [other.spkiPin] });
  },
  async MCP_TLS_REVOKED() {
    const root = await heldCertificate({ isCa: true });
    const { certificate, server } = await selfSigned({ signedBy: root });
    await using _ = server;
    const crl = revocationList({ issuer: root, revoked: [certificate] });
    return await ask(server.url, { ca: root.pem, crl });
  },
  async MCP_TLS_CRL_UNUSABLE() {
    const root = await heldCertificate({ isCa: true });
    const { server } = await selfSigned({ signedBy: root });
    await using _ = server;
    const crl = revocationList({ issuer: root, nextUpdate: daysFromNow(-0.5) });
    return await ask(server.url, { ca: root.pem, crl });
  },
  async MCP_TLS_EXPIRED() {
    const { server, trust } = await selfSigned({
      notBefore: daysFromNow(-2),
      notAfter: daysFromNow(-1),
    });
    await using _ = server;
    return await ask(server.url, trust);
  },
  async MCP_TLS_NOT_YET_VALID() {
    const { server, trust } = await selfSigned({ notBefore: daysFromNow(1) });
    await using _ = server;
    return await ask(server.url, trust);
  },
  async MCP_TLS_WRONG_USAGE() {
    const { server, trust } = await selfSigned({ extendedKeyUsages: ['clientAuth'] });
    await using _ = server;
    return await ask(server.url, trust);
  },
  async MCP_TLS_WEAK() {
    const { server, trust } = await selfSigned({ key: 'rsa1024' });
    await using _ = server;
    return await ask(server.url, trust);
  },
  async MCP_TLS_CHAIN_REFUSED() {
    const root = await heldCertificate({ isCa: true });
    const { server } = await selfSigned({ signedBy: root, defect: 'broken-signature' });
    await using _ = server;
    return await ask(server.url, root.pem);
  },
  async MCP_TLS_CLIENT_CERTIFICATE_REQUIRED() {
    const { server, trust } = await selfSigned();
    await using _ = server;
    server.requireClientCertificate(await heldCertificate());
    return await ask(server.url, trust);
  },
  async MCP_TLS_CLIENT_CERTIFICATE_REFUSED() {
    // OpenSSL's own server: Node.js's closes the connection without an alert.
    const { startOpenSslServer } = await import('../support/openssl-server.js');
    const certificate = await heldCertificate();
    const clientCa = await heldCertificate();
    await using server = await startOpenSslServer({ certificate, clientCa });
    const stranger = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const clientCertificate = { cert: stranger.pem, key: stranger.keyPem };
    return await ask(server.url, { ca: certificate.pem, clientCertificate });
  },
  async MCP_TLS_PROTOCOL_MISMATCH() {
    const { server, trust } = await selfSigned({}, { maxVersion: 'TLSv1.2' });
    await using _ = server;
    return await ask(server.url, { ca: trust, minVersion: 'TLSv1.3' });
  },
  async MCP_TLS_NOT_TLS() {
    const { server, trust } = await selfSigned();
    await using _ = server;
    server.speakPlainHttp();
    return await ask(server.url, trust);
  },
  async MCP_TLS_HANDSHAKE_FAILED() {
    // A server that answers the ClientHello with an alert that means nothing in particular.
    const { createServer } = await import('node:net');
    const alert = Buffer.from([0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 80]); // internal_error
    const server = createServer((socket) => {
      socket.on('error', () => {}).once('data', () => socket.end(alert));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const error = await ask(`https://127.0.0.1:${port}`, null);
    server.close();
    return error;
  },
  async MCP_TLS_PROXY_FAILED() {
    const { server, trust } = await selfSigned();
    await using _ = server;
    await using proxy = await startProxy({ answer: 403 });
    return await ask(server.url, trust, { proxy: proxy.url });
  },
  async MCP_TLS_TIMEOUT() {
    const { server, trust } = await selfSigned();
    await using _ = server;
    server.stall('handshake');
    return await ask(server.url, trust, { timeout: { connectMs: 50 } });
  },
  async MCP_TLS_UNREACHABLE() {
    const { server, trust } = await selfSigned();
    await server.close();
    return await ask(server.url, trust);
  },
  async MCP_TLS_BAD_ANSWER() {
    // What reflects a request shows what was sent.
    const { server, trust } = await selfSigned(
      {},
      { onRequest: ({ socket, headers }) => void socket.end(`secret ${headers.authorization}`) },
    );
    await using _ = server;
    return await ask(server.url, trust, { init: { headers: { authorization: 'Bearer secret' } } });
  },
  async MCP_TLS_UNAUTHORIZED() {
    await using world = await World.start({
      mcp: ({ method, path }, response, world) =>
        method === 'GET' && path === '/sse' ? world.challenge(response, 401) : undefined,
    });
    const kept = { client: { client_id: 'gateway' }, tokens: world.issue() };
    const transport = sseClient(world.sseUrl, {
      trust: world.mcp.pem,
      origins: { [world.as.origin]: world.as.pem },
      lookup: world.lookup,
      authProvider: new Provider(kept),
    } as SseClientOptions);
    // A transport rejects with ours itself.
    return await transport.start().catch((cause: Error) => new TypeError(cause.message, { cause }));
  },
  async MCP_TLS_UNSUPPORTED_RUNTIME() {
    // As where the permission model of the runtime denies it.
    const denied = Object.assign(new Error('denied'), { code: 'ERR_ACCESS_DENIED' });
    const factory = makeCustomClientFactory(null, {
      lookup: (_host, _options, callback) => callback(denied, '', 4),
    });
    return await factory()('https://localhost:1/').catch((error: unknown) => error);
  },
  async MCP_TLS_REDIRECT_REFUSED() {
    const { server, trust } = await selfSigned();
    await using _ = server;
    server.redirectTo('https://127.0.0.1:9/elsewhere?token=secret');
    return await ask(server.url, trust);
  },
  async MCP_TLS_ADDRESS_REFUSED() {
    const store = createCertificateStore({
      keys: [{ id: 'k1', key: randomBytes(32) }],
      storage: new Map(),
      whenEmpty: 'create',
    });
    const { certificate, server } = await selfSigned();
    await using _ = server;
    let allowed = true;
    const registry = createServerRegistry({ store, allowAddress: () => allowed });
    await registry.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const client = (await registry.clientFactory('a'))();
    allowed = false;
    const error = await client(server.url).catch((reason: unknown) => reason);
    await registry.close();
    await store.close();
    return error;
  },
  async MCP_TLS_PLAIN_HTTP_REFUSED() {
    const factory = makeCustomClientFactory(null);
    return factory()('http://127.0.0.1:9/?token=secret').catch((error: unknown) => error);
  },
};

/** In which class a code belongs, and that for good: to move one would be a major release. */
function classOf(code: string) {
  if (code === 'MCP_TLS_UNSUPPORTED_RUNTIME') return TlsConfigError;
  return Object.hasOwn(CONNECTION_WORDS, code) ? TlsConnectionError : TlsTrustError;
}

describe('every code', () => {
  it.each(Object.entries(CASES))('%s', async (code, provoke) => {
    const error = await provoke();
    expect(error).toBeInstanceOf(TypeError);
    const ours = explainTlsError(error);
    expect(ours).toBeInstanceOf(McpTlsError);
    expect(ours).toBeInstanceOf(classOf(code));
    for (const other of [TlsConfigError, TlsConnectionError, TlsTrustError]) {
      expect(ours instanceof other).toBe(other === classOf(code));
    }
    if (ours === undefined) throw new Error('not ours');
    expect(ours.code).toBe(code);
    expect(ours.refused).toBe(ours instanceof TlsTrustError);
    expect((error as Error).message).toContain(ours.message);
    expect(ours.message).toMatch(/^('a': )?(127\.0\.0\.1|localhost|mcp\.test):\d+: /);
    if (ours instanceof TlsTrustError || ours instanceof TlsConnectionError) {
      const server = ours.id === undefined ? '' : `'${ours.id}': `;
      expect(ours.message.startsWith(`${server}${ours.host}:${ours.port}: `)).toBe(true);
    }
    expect(ours.hint).toMatch(/\w{3,}.*\./);
    expect(ours.toJSON()).toMatchObject({ code, name: ours.name, message: ours.message });
    const everything = `${inspect(error, { depth: 8 })}${JSON.stringify(ours)}`;
    expect(everything).not.toMatch(/BEGIN|PRIVATE|secret/);
  });
});
