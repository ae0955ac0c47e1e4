import { Client, ProtocolError, type Transport } from '@modelcontextprotocol/client';
import { afterEach, describe, expect, it } from 'vitest';
import { createCertificateStore } from '../../src/core.js';
import { streamableHttpClient as overV1 } from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import {
  createServerRegistry,
  explainTlsError,
  makeCustomClientFactory,
  sseClient,
  streamableHttpClient,
} from '../../src/v2.js';
import { startV2Server } from '../support/v2-server.js';

/** Transports of the MCP SDK v2, of both eras, over real servers. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface World {
  readonly certificate: HeldCertificate;
  readonly server: TlsServer;
  readonly url: string;
  notify(): unknown;
}

/** `modern`: the SDK v2's own server, of 2026-07-28. `legacy`: one of SDK v1. */
async function start(era: 'modern' | 'legacy'): Promise<World> {
  const certificate = await heldCertificate();
  if (era === 'legacy') {
    const server = await startMcpServer({ certificate, transport: 'both' });
    closers.push(() => server.close());
    return {
      certificate,
      server,
      url: server.mcpUrl,
      notify: () => server.notifyToolListChanged(),
    };
  }
  const mcp = startV2Server();
  const server = await startTlsServer({
    certificate,
    onRequest: (request, response) => mcp.handle(request, response),
  });
  closers.push(() => server.close());
  closers.push(() => mcp.close());
  return { certificate, server, url: `${server.url}/mcp`, notify: () => mcp.notify() };
}

type Mode = 'legacy' | 'auto' | { pin: '2026-07-28' };
const MODERN: Mode = { pin: '2026-07-28' };

function newClient(mode: Mode): { client: Client; errors: Error[] } {
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation: { mode } });
  closers.push(() => client.close().catch(() => {}));
  const errors: Error[] = [];
  client.onerror = (error) => errors.push(error);
  return { client, errors };
}

const addedBy = async (client: Client): Promise<unknown> => {
  const { content } = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
  return content;
};
const FIVE = [{ type: 'text', text: '5' }];

const codeOf = (error: unknown): string | undefined => explainTlsError(error)?.code;

describe.each<[Mode, 'modern' | 'legacy']>([
  ['legacy', 'legacy'],
  ['auto', 'legacy'],
  ['auto', 'modern'],
  [MODERN, 'modern'],
])('a client of the mode %o and a %s server', (mode, era) => {
  it('connect and call a tool', async () => {
    const { url, certificate } = await start(era);
    const { client } = newClient(mode);
    await client.connect(streamableHttpClient(url, { trust: certificate.pem }));
    expect(await addedBy(client)).toEqual(FIVE);
  });

  it('do not meet over an impostor, which is named as one and gets no byte', async () => {
    const { url, server, certificate } = await start(era);
    server.rotate(await heldCertificate());
    const { client } = newClient(mode);
    const transport = streamableHttpClient(url, { trust: certificate.pem });
    const error = await client.connect(transport).catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
    // Not taken for a server of the other era, and asked again.
    expect(server.records.connections).toBe(1);
  });

  it('say that the connections were closed', async () => {
    const { url, certificate } = await start(era);
    const clientFactory = makeCustomClientFactory(certificate.pem);
    const { client } = newClient(mode);
    await client.connect(streamableHttpClient(url, { clientFactory }));
    await clientFactory.close();
    expect(codeOf(await addedBy(client).catch((reason: unknown) => reason))).toBe('MCP_TLS_CLOSED');
  });
});

describe('a probe of the protocol', () => {
  it.each<[string, object]>([
    ['whose connection is reset', {}],
    ['whose answer stands still', { timeout: { idleMs: 300 } }],
  ])('%s does not make its server one of an older protocol', async (what, options) => {
    const certificate = await heldCertificate();
    const methods: unknown[] = [];
    const server = await startTlsServer({
      certificate,
      async onRequest(request, response) {
        let text = '';
        for await (const piece of request) text += piece;
        methods.push(JSON.parse(text).method);
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.write(': wait\n\n');
        if (what.endsWith('reset')) setTimeout(() => server.dropConnections(), 50);
      },
    });
    closers.push(() => server.close());
    const { client } = newClient('auto');
    const trust = certificate.pem;
    const transport = streamableHttpClient(`${server.url}/mcp`, { trust, ...options });
    const error = await client.connect(transport).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect(codeOf(error)).toMatch(/^MCP_TLS_(UNREACHABLE|BAD_ANSWER|TIMEOUT)$/);
    expect(methods).toEqual(['server/discover']);
  });
});

describe('over the protocol of 2026-07-28', () => {
  async function connected() {
    const world = await start('modern');
    const clientFactory = makeCustomClientFactory(world.certificate.pem);
    closers.push(() => clientFactory.close());
    const { client, errors } = newClient(MODERN);
    await client.connect(streamableHttpClient(world.url, { clientFactory }));
    return { ...world, client, clientFactory, errors };
  }

  it('the headers of the protocol arrive as the SDK made them', async () => {
    const { client, server } = await connected();
    await addedBy(client);
    expect(server.records.requests.at(-1)?.headers).toMatchObject({
      'mcp-method': 'tools/call',
      'mcp-name': 'add',
      'mcp-protocol-version': '2026-07-28',
    });
  });

  it('a subscription is a POST that stays open, and brings what changes', async () => {
    const { client, notify, clientFactory } = await connected();
    const changes: unknown[] = [];
    client.setNotificationHandler(
      'notifications/tools/list_changed',
      (one) => void changes.push(one),
    );
    const subscription = await client.listen({ toolsListChanged: true });
    await expect.poll(async () => [await notify(), changes.length][1]).toBeGreaterThan(0);
    expect(clientFactory.stats().connections).toBeGreaterThan(0);
    await subscription.close();
    expect(await subscription.closed).toBe('local');
    expect(await addedBy(client)).toEqual(FIVE);
  });

  it('an abort of one call ends its stream and no other', async () => {
    const { client, server } = await connected();
    const subscription = await client.listen({ toolsListChanged: true });
    const abort = new AbortController();
    server.stall('headers');
    const call = client
      .callTool({ name: 'add', arguments: { a: 2, b: 3 } }, { signal: abort.signal })
      .catch((reason: unknown) => reason);
    await expect.poll(() => server.openConnections).toBe(2);
    abort.abort(new Error('enough'));
    expect(String(await call)).toMatch(/enough/);
    await expect.poll(() => server.openConnections).toBe(1);
    server.recover();
    await subscription.close();
    expect(await subscription.closed).toBe('local');
  });

  it('a subscription ends when its connection does', async () => {
    const { client, server } = await connected();
    const subscription = await client.listen({ toolsListChanged: true });
    server.dropConnections();
    expect(await subscription.closed).toBe('remote');
  });

  it('a subscription and a call end when the pool is closed, and say why', async () => {
    const { client, clientFactory, server } = await connected();
    const subscription = await client.listen({ toolsListChanged: true });
    server.stall('headers');
    const call = addedBy(client).catch((reason: unknown) => reason);
    await expect.poll(() => server.openConnections).toBe(2);
    await clientFactory.close();
    expect(codeOf(await call)).toBe('MCP_TLS_CLOSED');
    expect(await subscription.closed).toBe('remote');
  });
});

describe('over SSE', () => {
  it('a client calls a tool', async () => {
    const { url, certificate } = await start('legacy');
    const { client } = newClient('legacy');
    const transport = sseClient(url.replace(/mcp$/, 'sse'), { trust: certificate.pem });
    await client.connect(transport);
    expect(await addedBy(client)).toEqual(FIVE);
  });

  it('an impostor is refused, and not asked again', async () => {
    const { url, server, certificate } = await start('legacy');
    server.rotate(await heldCertificate());
    const { client } = newClient('legacy');
    const transport = sseClient(url.replace(/mcp$/, 'sse'), { trust: certificate.pem });
    const error = await client.connect(transport).catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.connections).toBe(1);
  });

  it('a stream that is refused on its reconnection closes the transport, with our error', async () => {
    const { url, server, certificate } = await start('legacy');
    const { client, errors } = newClient('legacy');
    const closed = new Promise<void>((resolve) => {
      client.onclose = resolve;
    });
    await client.connect(sseClient(url.replace(/mcp$/, 'sse'), { trust: certificate.pem }));
    server.rotate(await heldCertificate(), { dropConnections: true });
    await closed;
    expect(errors.map(codeOf)).toContain('MCP_TLS_SELF_SIGNED');
  });
});

describe('a registry of mcp-tls/v2', () => {
  it.each<['modern' | 'legacy', Mode]>([
    ['modern', MODERN],
    ['legacy', 'legacy'],
  ])('connects to a %s server by its id, and ends calls when it is revoked', async (era, mode) => {
    const { url, server, certificate } = await start(era);
    const store = createCertificateStore({
      keys: { id: 'k', key: Buffer.alloc(32) },
      storage: 'memory',
      whenEmpty: 'create',
    });
    const registry = createServerRegistry({ store });
    closers.push(() => registry.close());
    await registry.register('a', url, { expectFingerprint: certificate.fingerprint });
    const { client } = newClient(mode);
    await client.connect(await registry.streamableHttpClient('a'));
    expect(await addedBy(client)).toEqual(FIVE);
    expect((await registry.check('a')).trusted).toBe(true);
    server.stall('headers');
    const call = addedBy(client).catch((reason: unknown) => reason);
    await expect.poll(() => server.openConnections).toBeGreaterThan(0);
    await registry.revoke('a');
    expect(codeOf(await call)).toBe('MCP_TLS_CLOSED');
    const later = await addedBy(client).catch((reason: unknown) => reason);
    expect(codeOf(later)).toBe('MCP_TLS_NOT_REGISTERED');
  });
});

describe('options and mixed SDKs', () => {
  const url = 'https://127.0.0.1:9/mcp';

  it.each<[string, object]>([
    ['no trust', {}],
    ['a fetch', { trust: null, fetch }],
    ['a misspelt option', { trust: null, maxStepUpRetry: 1 }],
    ['an option of another kind', { trust: null, onInsufficientScope: 'ignore' }],
    ['a policy one level off', { trust: null, pins: 'x' }],
  ])('%s is refused', (_, options) => {
    expect(() => streamableHttpClient(url, options as never)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
    expect(() => sseClient(url, options as never)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });

  it('a transport of SDK v1 says which entry a modern client needs', async () => {
    const world = await start('modern');
    const { client } = newClient(MODERN);
    const transport = overV1(world.url, { trust: world.certificate.pem });
    const error = await client
      .connect(transport as unknown as Transport)
      .catch((reason: unknown) => reason);
    expect(codeOf(error)).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect(explainTlsError(error)?.hint).toContain('mcp-tls/v2');
  });

  it('a call that ends with its stream rejects with the error of the SDK, and ours in its data', async () => {
    const world = await start('legacy');
    const { client } = newClient('legacy');
    await client.connect(streamableHttpClient(world.url, { trust: world.certificate.pem }));
    world.server.stall('body');
    const call = addedBy(client).catch((reason: unknown) => reason);
    await new Promise((resolve) => setTimeout(resolve, 200));
    world.server.dropConnections();
    const error = await call;
    expect(error).toBeInstanceOf(Error);
    expect(codeOf(error) ?? String(error)).toMatch(/MCP_TLS_(UNREACHABLE|BAD_ANSWER)/);
    expect(error instanceof ProtocolError || codeOf(error) !== undefined).toBe(true);
  });
});
