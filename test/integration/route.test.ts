import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type CustomClientFactoryOptions,
  fetchPeerCertificate,
  makeCustomClientFactory,
  sseClient,
  streamableHttpClient,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { askOnce } from '../support/ask-once.js';
import { startProxy } from '../support/start-proxy.js';

/** The ways to a server: proxies, Unix sockets, name resolution, the local address. */

let certificate: HeldCertificate;
let server: TlsServer;

beforeAll(async () => {
  certificate = await heldCertificate({ dns: ['mcp.test', 'localhost'], ip: ['127.0.0.1'] });
});
beforeEach(async () => {
  server = await startTlsServer({ certificate });
});
afterEach(async () => {
  await server.close();
  vi.unstubAllEnvs();
});

const ask = (options: CustomClientFactoryOptions, url = server.url) =>
  askOnce(url, certificate.pem, options);

describe('an HTTP proxy', () => {
  it('is tunnelled through, and sees the host and port only', async () => {
    await using proxy = await startProxy();
    expect(await ask({ proxy: proxy.url })).toBe(200);
    expect(proxy.targets).toEqual([`127.0.0.1:${server.port}`]);
    expect(proxy.credentials).toEqual([undefined]);
  });

  it('changes nothing about trust', async () => {
    await using proxy = await startProxy();
    const impostor = await heldCertificate({ ip: ['127.0.0.1'] });
    server.rotate(impostor);
    expect(await ask({ proxy: proxy.url })).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
  });

  it('gets its credentials, from the URL or from auth, and nobody else does', async () => {
    await using proxy = await startProxy({ credentials: 'user:pass:word' });
    const withCredentials = proxy.url.replace('//', '//user:pass%3Aword@');
    expect(await ask({ proxy: withCredentials })).toBe(200);
    const auth = { username: 'user', password: 'pass:word' };
    expect(await ask({ proxy: { url: proxy.url, auth } })).toBe(200);
    for (const { headers } of server.records.requests) {
      expect(headers).not.toHaveProperty('proxy-authorization');
    }
  });

  it.each([
    ['demands authentication', { credentials: 'u:p' }],
    ['refuses', { answer: 403 }],
    ['fails', { answer: 502 }],
    ['hangs up', { answer: 'hang up' }],
    ['speaks no HTTP', { answer: 'SSH-2.0-OpenSSH\r\n\r\n' }],
    ['answers without end', { answer: 'x'.repeat(40_000) }],
    ['speaks into the tunnel', { answer: 'HTTP/1.1 200 OK\r\n\r\n\x16\x03\x01' }],
  ] as const)('that %s is named in the error', async (_what, options) => {
    await using proxy = await startProxy(options);
    expect(await ask({ proxy: proxy.url })).toBe('MCP_TLS_PROXY_FAILED');
    expect(server.records.connections).toBe(0);
  });

  it('that is not there, or silent, is an error in time', async () => {
    expect(await ask({ proxy: 'http://127.0.0.1:9' })).toBe('MCP_TLS_PROXY_FAILED');
    await using proxy = await startProxy({ answer: 'silence' });
    expect(await ask({ proxy: proxy.url, timeout: { connectMs: 100 } })).toBe('MCP_TLS_TIMEOUT');
  });

  it('shows no password in errors', async () => {
    await using proxy = await startProxy({ answer: 403 });
    const factory = makeCustomClientFactory(null, {
      proxy: proxy.url.replace('//', '//user:hunter2@'),
    });
    const error = await factory()(server.url).catch((e: unknown) => e);
    const { inspect } = await import('node:util');
    expect(inspect(error, { depth: 9 })).not.toMatch(/hunter2|aHVudGVyMg/);
    await factory.close();
  });

  it('over https is verified by its own policy before it learns anything', async () => {
    const own = await heldCertificate();
    await using proxy = await startProxy({ certificate: own });
    const trusted = { url: proxy.url, trust: own.pem };
    expect(await ask({ proxy: trusted })).toBe(200);
    expect(await ask({ proxy: proxy.url })).toBe('MCP_TLS_PROXY_FAILED');
    expect(proxy.targets).toHaveLength(1);
  });

  it.each([
    ['streamable http', streamableHttpClient],
    ['sse', sseClient],
  ] as const)('leads a transport of its own connections, over %s', async (_kind, make) => {
    await using proxy = await startProxy();
    await using mcp = await startMcpServer({ certificate, transport: 'both' });
    const client = new Client({ name: 'test', version: '1' });
    const url = make === sseClient ? mcp.sseUrl : mcp.mcpUrl;
    const options = { trust: certificate.pem, proxy: proxy.url };
    await client.connect(make(url, options));
    await client.ping();
    await client.close();
    expect(new Set(proxy.targets)).toEqual(new Set([`127.0.0.1:${mcp.port}`]));
  });

  it('is the way of the probe too', async () => {
    await using proxy = await startProxy();
    const peer = await fetchPeerCertificate(server.url, { proxy: proxy.url });
    expect(peer.description.fingerprint).toBe(certificate.fingerprint);
    expect(proxy.targets).toHaveLength(1);
    await using broken = await startProxy({ answer: 403 });
    const refused = fetchPeerCertificate(server.url, { proxy: broken.url });
    await expect(refused).rejects.toMatchObject({ code: 'MCP_TLS_PROXY_FAILED' });
  });
});

describe("proxy: 'env'", () => {
  it.each([
    '10.0.0.0/',
    '10.0.0.0/ 8',
    '::/',
    '10.0.0.0/0x8',
    '10.0.0.0/8/8',
    '10.0.0.0/+8',
    '10.0.0.0/33',
  ])(
    'refuses what is no range of addresses in NO_PROXY, rather than send everything past the proxy: %s',
    (noProxy) => {
      vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
      vi.stubEnv('no_proxy', '');
      vi.stubEnv('NO_PROXY', noProxy);
      expect(() => makeCustomClientFactory(null, { proxy: 'env' })).toThrow('NO_PROXY');
    },
  );

  it.each([
    ['nothing', '', true],
    ['another host', 'other.example', true],
    ['the address', '127.0.0.1', false],
    ['the address and another port', '127.0.0.1:1', true],
    ['a range', '10.0.0.0/8, 127.0.0.0/8', false],
    ['everything', '*', false],
  ])('NO_PROXY names %s', async (_what, noProxy, proxied) => {
    await using proxy = await startProxy();
    vi.stubEnv('https_proxy', '');
    vi.stubEnv('HTTPS_PROXY', proxy.url);
    vi.stubEnv('no_proxy', '');
    vi.stubEnv('NO_PROXY', noProxy);
    expect(await ask({ proxy: 'env' })).toBe(200);
    expect(proxy.targets).toHaveLength(proxied ? 1 : 0);
  });

  it.each([
    ['localhost', false],
    ['.localhost', false],
    ['host', true],
    ['LOCALHOST', false],
  ])('NO_PROXY %s and the host localhost', async (noProxy, proxied) => {
    await using proxy = await startProxy();
    vi.stubEnv('https_proxy', proxy.url);
    vi.stubEnv('no_proxy', noProxy);
    expect(await ask({ proxy: 'env' }, server.urlFor('localhost'))).toBe(200);
    expect(proxy.targets).toHaveLength(proxied ? 1 : 0);
  });

  it('is not looked at by default', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
    vi.stubEnv('https_proxy', 'http://127.0.0.1:9');
    expect(await ask({})).toBe(200);
    expect(await ask({ proxy: false })).toBe(200);
  });
});

describe('other ways', () => {
  it('lookup resolves the name; the certificate must still carry it', async () => {
    const lookup: CustomClientFactoryOptions['lookup'] = (_host, options, callback) => {
      if (options.all) callback(null, [{ address: '127.0.0.1', family: 4 }]);
      else callback(null, '127.0.0.1', 4);
    };
    expect(await ask({ lookup }, server.urlFor('mcp.test'))).toBe(200);
    expect(await ask({ lookup }, server.urlFor('other.test'))).toBe('MCP_TLS_NAME_MISMATCH');
    expect(server.records.sni).toEqual(['mcp.test', 'other.test']);
  });

  it('localAddress is where the connection comes from', async () => {
    expect(await ask({ localAddress: '127.0.0.1' })).toBe(200);
    expect(await ask({ localAddress: '192.0.2.1' })).toBe('MCP_TLS_UNREACHABLE');
  });

  it('socketPath leads to a Unix domain socket, for the own origin only', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-socket-'));
    const socketPath = join(folder, 'mcp.sock');
    const { pem: cert, keyPem: key } = certificate;
    const hidden = createSecureServer({ cert, key }, (_request, response) => response.end('unix'));
    await new Promise<void>((resolve) => hidden.listen(socketPath, resolve));
    const factory = makeCustomClientFactory(cert, { socketPath, origins: { [server.url]: cert } });
    const client = factory({ url: 'https://mcp.test/mcp' });
    expect(await (await client('https://mcp.test/mcp')).text()).toBe('unix');
    expect(await (await client(server.url)).text()).not.toBe('unix');
    await factory.close();
    hidden.close();
    await rm(folder, { recursive: true });
  });

  it.each<[string, CustomClientFactoryOptions]>([
    ['a proxy that is no URL', { proxy: 'proxy:3128:x' }],
    ['a socks proxy', { proxy: 'socks5://127.0.0.1:1080' }],
    ['trust for an http proxy', { proxy: { url: 'http://127.0.0.1:1', trust: null } }],
    [
      'an unknown proxy option',
      { proxy: { url: 'http://127.0.0.1:1', agent: 1 } as object as never },
    ],
    ['a lookup that is no function', { lookup: 'dns' as never }],
    ['a localAddress that is no address', { localAddress: 'eth0' }],
    ['an empty socketPath', { socketPath: '' }],
    ['a socketPath and a proxy', { socketPath: '/x', proxy: 'http://127.0.0.1:1' }],
  ])('refuses %s at construction', (_what, options) => {
    expect(() => makeCustomClientFactory(null, options)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });
});
