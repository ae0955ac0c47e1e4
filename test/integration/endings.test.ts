import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { afterEach, describe, expect, it } from 'vitest';
import {
  checkTrust,
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type ServerRegistry,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

/** How what is open ends: by `await using`, with grace, or by a signal; and what holds until then. */

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function serve(certificate: HeldCertificate): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate,
    onRequest: async (_request, response) => {
      response.write('half ');
      await new Promise((resolve) => setTimeout(resolve, 300));
      response.end('whole');
    },
  });
  opened.push(server);
  return server;
}

function registryOf(): ServerRegistry {
  const keys = { id: 'k', key: new Uint8Array(32) };
  const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
  const registry = createServerRegistry({ store });
  opened.push(registry, store);
  return registry;
}

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'none',
    (error) => explainTlsError(error)?.code ?? error,
  );

describe('await using', () => {
  it('closes clients and factories: nothing is sent after their block', async () => {
    const certificate = await heldCertificate();
    const server = await serve(certificate);
    const escaped: { fetch?: typeof fetch; again?: () => unknown } = {};
    {
      await using factory = makeCustomClientFactory(certificate.pem);
      {
        await using client = factory({ url: server.url });
        expect(await (await client(server.url)).text()).toBe('half whole');
        escaped.fetch = client;
      }
      expect(await codeOf(escaped.fetch(server.url))).toBe('MCP_TLS_CLOSED');
      expect((await factory()(server.url)).status).toBe(200);
      escaped.again = () => factory();
    }
    expect(escaped.again).toThrow(/closed/);
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('closes stores and registries', async () => {
    const keys = { id: 'k', key: new Uint8Array(32) };
    let [store, registry] = [undefined, undefined] as [
      ReturnType<typeof createCertificateStore> | undefined,
      ServerRegistry | undefined,
    ];
    {
      await using mine = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
      await using its = createServerRegistry({ store: mine });
      [store, registry] = [mine, its];
      expect(await registry.list()).toEqual([]);
    }
    expect(await codeOf(store.get('a'))).toBe('MCP_TLS_CLOSED');
    expect(await codeOf(registry.get('a'))).toBe('MCP_TLS_CLOSED');
  });
});

describe('a request that waits for an answer of the host application', () => {
  const never = () => new Promise<never>(() => {});

  it.each([{ auth: never }, { headers: never }])(
    'ends when its factory is closed (%o)',
    async (init) => {
      const certificate = await heldCertificate();
      const server = await serve(certificate);
      const factory = makeCustomClientFactory(certificate.pem);
      const waiting = codeOf(factory({ url: server.url, ...init })(server.url));
      await new Promise((resolve) => setTimeout(resolve, 20));
      await factory.close();
      expect(await waiting).toBe('MCP_TLS_CLOSED');
      expect(server.records.connections).toBe(0);
    },
  );

  it('ends when its server is revoked', async () => {
    const certificate = await heldCertificate();
    const server = await serve(certificate);
    const registry = registryOf();
    await registry.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const client = (await registry.clientFactory('a'))({ auth: never } as never);
    const waiting = codeOf(client(server.url));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await registry.revoke('a');
    expect(await waiting).toBe('MCP_TLS_CLOSED');
    expect(server.records.requests).toEqual([]);
  });
});

describe('close({ graceMs })', () => {
  it('lets requests under way end, and takes no new ones meanwhile', async () => {
    const certificate = await heldCertificate();
    const server = await serve(certificate);
    const factory = makeCustomClientFactory(certificate.pem);
    const client = factory();
    const response = await client(server.url);
    const startedAt = performance.now();
    const closing = factory.close({ graceMs: 50_000 });
    expect(await codeOf(client(server.url))).toBe('MCP_TLS_CLOSED');
    expect(await response.text()).toBe('half whole');
    await closing;
    expect(performance.now() - startedAt).toBeLessThan(25_000);
  });

  it('counts a request from its start: asking for a token, or on its way through a redirect', async () => {
    const certificate = await heldCertificate();
    const server = await startTlsServer({
      certificate,
      onRequest: async (request, response) => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        if (request.url === '/old') response.writeHead(307, { location: '/new' });
        response.end('answer');
      },
    });
    opened.push(server);
    const auth = async (): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      return 'token';
    };
    const factory = makeCustomClientFactory(certificate.pem);
    const client = factory({ url: server.url, auth });
    const calls = ['/old', '/new'].map(async (path) => (await client(server.url + path)).text());
    const closing = factory.close({ graceMs: 5_000 });
    expect(await Promise.all(calls)).toEqual(['answer', 'answer']);
    await closing;
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('cuts off what takes longer, and at once without grace, also when it was given some before', async () => {
    const certificate = await heldCertificate();
    const server = await serve(certificate);
    for (const end of [{ graceMs: 50 }, {}, undefined]) {
      const factory = makeCustomClientFactory(certificate.pem);
      const response = await factory()(server.url);
      await factory.close(end);
      expect(await codeOf(response.text())).toBe('MCP_TLS_CLOSED');
    }
    const factory = makeCustomClientFactory(certificate.pem);
    const response = await factory()(server.url);
    const slow = factory.close({ graceMs: 60_000 });
    await factory.close();
    await slow;
    expect(await codeOf(response.text())).toBe('MCP_TLS_CLOSED');
  });

  it('of a registry lets a call end, and does not wait for the standing stream beside it', async () => {
    const certificate = await heldCertificate();
    const server = await startMcpServer({ certificate });
    const registry = registryOf();
    await registry.register('a', server.mcpUrl, { trust: certificate.pem });
    const client = new Client({ name: 'test', version: '1' });
    opened.push(client, server);
    await client.connect(await registry.streamableHttpClient('a'));
    const call = client.callTool({ name: 'slow', arguments: { ms: 400 } });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const startedAt = performance.now();
    await registry.close({ graceMs: 50_000 });
    await expect(call).resolves.toBeDefined();
    expect(performance.now() - startedAt).toBeLessThan(25_000);
    expect(await codeOf(client.callTool({ name: 'echo', arguments: { text: 'x' } }))).toBe(
      'MCP_TLS_CLOSED',
    );
  });
});

describe('a signal', () => {
  it('ends the waiting for a person, for a server, and for both, with its reason', async () => {
    const certificate = await heldCertificate();
    const server = await serve(certificate);
    const registry = registryOf();
    const reason = new Error('enough');
    const soon = (): AbortSignal => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(reason), 50);
      return controller.signal;
    };
    const never = () => new Promise<boolean>(() => {});
    const asked = registry.register('a', server.url, { approve: never, signal: soon() });
    await expect(asked).rejects.toBe(reason);
    expect(await registry.list()).toEqual([]);

    await registry.register('a', server.url, { trust: certificate.pem });
    await expect(registry.renew('a', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    server.stall('handshake');
    await expect(registry.update('a', { trust: null, signal: soon() })).rejects.toBe(reason);
    await expect(registry.check('a', { signal: soon() })).rejects.toBe(reason);
    await expect(registry.inspect(server.url, { signal: soon() })).rejects.toBe(reason);
    const limited = await registry.inspect(server.url, { timeoutMs: 50 }).catch((error) => error);
    expect(explainTlsError(limited)?.code).toBe('MCP_TLS_TIMEOUT');
  });
});

describe('origins', () => {
  it('of a factory hold for clients without a server of their own', async () => {
    const [one, two] = [await heldCertificate(), await heldCertificate()];
    const [mine, other] = [await serve(one), await serve(two)];
    const origin = new URL(other.url).origin as `https://${string}`;
    // The policy of the factory would refuse the other one; and that of the origin, what it presents not.
    for (const [trust, expected] of [
      [two.pem, 'none'],
      [one.pem, 'MCP_TLS_SELF_SIGNED'],
    ] as const) {
      await using factory = makeCustomClientFactory(one.pem, {
        origins: { [origin]: trust },
      });
      expect(await codeOf(factory()(mine.url))).toBe('none');
      expect(await codeOf(factory()(other.url))).toBe(expected);
    }
  });

  it('of a record hold where its trust is passed on', async () => {
    const [one, two] = [await heldCertificate(), await heldCertificate()];
    const [mine, other] = [await serve(one), await serve(two)];
    const keys = { id: 'k', key: new Uint8Array(32) };
    await using store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
    const origins = { [new URL(other.url).origin as `https://${string}`]: two.pem };
    await store.set('a', { url: mine.url, trust: one.pem, origins });
    const trust = await store.trust('a');
    if (trust === undefined) throw new Error('not there');
    await using factory = makeCustomClientFactory(trust);
    const client = factory({ url: mine.url });
    expect(await codeOf(client(mine.url))).toBe('none');
    expect(await codeOf(client(other.url))).toBe('none');
  });
});

it('a policy that was checked once is taken by probes and factories, and shows no certificate', async () => {
  const certificate = await heldCertificate();
  const server = await serve(certificate);
  const key = { cert: certificate.pem, key: certificate.keyPem };
  const trust = checkTrust({ ca: certificate.pem, clientCertificate: key });
  expect(checkTrust(trust)).toBe(trust);
  expect(JSON.stringify(trust)).not.toContain('BEGIN');
  const peer = await fetchPeerCertificate(server.url, { trust });
  expect(peer.trusted).toBe(true);
  if (!peer.trusted) return;
  await using factory = makeCustomClientFactory(peer.suggestedPolicy);
  expect(await codeOf(factory()(server.url))).toBe('none');
});
