import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { FetchLike, Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  LoggingMessageNotificationSchema,
  ToolListChangedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  heldCertificate,
  type McpServerOptions,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { codeOf, get, openHandles, until } from './clients.js';

const certificate: HeldCertificate = await heldCertificate();
const ca = certificate.pem;

/** A fetch that trusts one certificate. */
function pinnedFetch(cleanUp: Cleaner, trusted = ca): FetchLike {
  const dispatcher = new Agent({ connect: { ca: trusted } });
  cleanUp.push(() => dispatcher.destroy());
  return ((url: string | URL, init?: RequestInit) =>
    undiciFetch(url, { ...(init as object), dispatcher })) as unknown as FetchLike;
}

type Cleaner = (() => Promise<unknown>)[];
const cleanUp: Cleaner = [];
afterEach(async () => {
  for (const step of cleanUp.splice(0).reverse()) await step();
});

async function start(options: Omit<McpServerOptions, 'certificate'> = {}): Promise<McpTestServer> {
  const server = await startMcpServer({ certificate, ...options });
  cleanUp.push(() => server.close());
  return server;
}

async function connectClient(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' });
  cleanUp.push(() => client.close());
  await client.connect(transport);
  return client;
}

function streamable(
  server: McpTestServer,
  headers: Record<string, string> = {},
): StreamableHTTPClientTransport {
  return new StreamableHTTPClientTransport(new URL(server.mcpUrl), {
    fetch: pinnedFetch(cleanUp),
    requestInit: { headers },
    reconnectionOptions: {
      initialReconnectionDelay: 20,
      maxReconnectionDelay: 100,
      reconnectionDelayGrowFactor: 1.5,
      maxRetries: 5,
    },
  });
}

function sse(server: McpTestServer): SSEClientTransport {
  return new SSEClientTransport(new URL(server.sseUrl), { fetch: pinnedFetch(cleanUp) });
}

async function call(client: Client, name: string, args: Record<string, unknown>): Promise<string> {
  const result = await client.callTool({ name, arguments: args });
  return (result.content as { text: string }[])[0]?.text ?? '';
}

const flavours: readonly [
  string,
  Omit<McpServerOptions, 'certificate'>,
  (server: McpTestServer) => Transport,
][] = [
  ['streamable-http', {}, (server) => streamable(server) as Transport],
  ['streamable-http, JSON', { jsonResponse: true }, (server) => streamable(server) as Transport],
  ['streamable-http, resumable', { resumable: true }, (server) => streamable(server) as Transport],
  ['sse', { transport: 'sse' }, (server) => sse(server)],
  [
    'both, over streamable-http',
    { transport: 'both' },
    (server) => streamable(server) as Transport,
  ],
  ['both, over sse', { transport: 'both' }, (server) => sse(server)],
];

describe.each(flavours)('startMcpServer: %s', (name, options, transportTo) => {
  const json = name.endsWith('JSON');

  it('offers its tools', async () => {
    const server = await start(options);
    const client = await connectClient(transportTo(server));
    const errors: Error[] = [];
    client.onerror = (error) => errors.push(error);
    const { tools } = await client.listTools();
    expect(tools.map((tool) => tool.name)).toEqual(['echo', 'add', 'count', 'slow']);
    expect(await call(client, 'echo', { text: 'Grüße' })).toBe('Grüße');
    expect(await call(client, 'add', { a: 2, b: 40 })).toBe('42');
    expect(await call(client, 'count', { to: 3 })).toBe('3');
    const begin = performance.now();
    expect(await call(client, 'slow', { ms: 60 })).toBe('done');
    expect(performance.now() - begin).toBeGreaterThan(55);
    await expect(call(client, 'add', { a: 'x', b: 1 })).rejects.toThrow(/a must be a number/);
    await expect(call(client, 'none', {})).rejects.toThrow(/unknown tool/);
    expect(server.sessionIds).toHaveLength(1);
    // Progress that nobody asked for would be an error of the client.
    expect(errors).toEqual([]);
  });

  it('reports progress to a client that asks for it', async () => {
    const client = await connectClient(transportTo(await start(options)));
    const steps: unknown[] = [];
    await client.callTool({ name: 'count', arguments: { to: 4, delayMs: 2 } }, undefined, {
      onprogress: ({ progress, total }) => steps.push([progress, total]),
    });
    expect(steps).toEqual(
      json
        ? []
        : [
            [1, 4],
            [2, 4],
            [3, 4],
            [4, 4],
          ],
    );
  });

  it('pushes notifications of its own', async () => {
    const server = await start(options);
    const client = await connectClient(transportTo(server));
    const seen: string[] = [];
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => void seen.push('tools'));
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      seen.push(`${params.level}: ${params.data}`);
    });
    // The client opens the GET stream after initialize, without waiting for it.
    await until(() => server.records.requests.some(({ method }) => method === 'GET'), 'GET');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.notifyToolListChanged();
    await server.sendLog('hello');
    await until(() => seen.length === 2, 'two notifications');
    expect(seen).toEqual(['tools', 'info: hello']);
  });

  it('stops a tool whose call is cancelled', async () => {
    const client = await connectClient(transportTo(await start(options)));
    const controller = new AbortController();
    const slow = client.callTool({ name: 'slow', arguments: { ms: 60_000 } }, undefined, {
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(), 20);
    await expect(slow).rejects.toThrow();
    expect(await call(client, 'echo', { text: 'still here' })).toBe('still here');
  });
});

describe('startMcpServer: Streamable HTTP', () => {
  it('has sessions, ended by DELETE', async () => {
    const server = await start();
    const [one, two] = [streamable(server), streamable(server)];
    const client = await connectClient(one as Transport);
    await connectClient(two as Transport);
    expect([...server.sessionIds].sort()).toEqual([one.sessionId, two.sessionId].sort());
    await one.terminateSession();
    expect(server.sessionIds).toEqual([two.sessionId]);
    await client.close();
    expect(server.records.requests.some(({ method }) => method === 'DELETE')).toBe(true);
  });

  it('forgets sessions: requests that name one get 404', async () => {
    const server = await start();
    const client = await connectClient(streamable(server) as Transport);
    await server.forgetSessions();
    expect(server.sessionIds).toEqual([]);
    await expect(call(client, 'echo', { text: 'x' })).rejects.toMatchObject({ code: 404 });
  });

  it('makes no session for a request that initializes nothing', async () => {
    const server = await start();
    const answer = await get(server.mcpUrl, {
      ca,
      body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    });
    expect(answer.status).toBe(400);
    expect(server.sessionIds).toEqual([]);
  });

  it('answers in JSON or as a stream', async () => {
    const initialize = {
      ca,
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 1,
        method: 'initialize',
        params: {
          protocolVersion: '2025-06-18',
          capabilities: {},
          clientInfo: { name: 't', version: '1' },
        },
      }),
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
      },
    };
    const types: unknown[] = [];
    for (const jsonResponse of [false, true]) {
      const { mcpUrl } = await start({ jsonResponse });
      types.push((await get(mcpUrl, initialize)).headers['content-type']);
    }
    expect(types).toEqual(['text/event-stream', 'application/json']);
  });

  it.each([true, false])(
    'resumes a broken stream where it stopped (resumable: %s)',
    async (resumable) => {
      const server = await start({ resumable, retryMs: 20 });
      const client = await connectClient(streamable(server) as Transport);
      const steps: number[] = [];
      const counted = client.callTool(
        { name: 'count', arguments: { to: 10, delayMs: 20 } },
        undefined,
        {
          onprogress: ({ progress }) => steps.push(progress),
          timeout: 1500,
        },
      );
      const outcome = counted.then(
        (result) => (result.content as { text: string }[])[0]?.text,
        () => 'lost',
      );
      await until(() => steps.length === 3, 'three steps');
      server.dropConnections();
      expect(await outcome).toBe(resumable ? '10' : 'lost');
      if (resumable) expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
      const resumptions = server.records.requests.filter(({ headers }) => headers['last-event-id']);
      expect(resumptions.length > 0).toBe(resumable);
    },
  );

  it('replays notifications that were sent while the stream was down', async () => {
    const server = await start({ resumable: true, retryMs: 20 });
    const client = await connectClient(streamable(server) as Transport);
    const seen: unknown[] = [];
    client.setNotificationHandler(LoggingMessageNotificationSchema, ({ params }) => {
      seen.push(params.data);
    });
    await until(() => server.records.requests.some(({ method }) => method === 'GET'), 'GET');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await server.sendLog('one');
    await until(() => seen.length === 1, 'first');
    server.dropConnections();
    await until(() => server.openConnections === 0, 'dropped');
    await server.sendLog('two');
    await until(() => seen.length === 2, 'second');
    expect(seen).toEqual(['one', 'two']);
  });
});

describe('startMcpServer: access and TLS', () => {
  it('demands a bearer token', async () => {
    const server = await start({ transport: 'both', requireBearer: 's3cret' });
    await expect(connectClient(streamable(server) as Transport)).rejects.toMatchObject({
      code: 401,
    });
    const wrong = streamable(server, { authorization: 'Bearer other' });
    await expect(connectClient(wrong as Transport)).rejects.toMatchObject({ code: 401 });
    expect(await get(server.sseUrl, { ca })).toMatchObject({
      status: 401,
      headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
    });
    const right = streamable(server, { authorization: 'Bearer s3cret' });
    expect(await call(await connectClient(right as Transport), 'add', { a: 1, b: 1 })).toBe('2');
  });

  it.each([
    ['streamable-http', 200, 405],
    ['sse', 405, 200],
  ] as const)(
    'serves only the transport that was asked for: %s',
    async (transport, mcp, sseStatus) => {
      const server = await start({ transport });
      const connected = await Promise.allSettled([
        connectClient(streamable(server) as Transport),
        connectClient(sse(server)),
      ]);
      expect(connected.map(({ status }) => status === 'fulfilled')).toEqual([
        mcp === 200,
        sseStatus === 200,
      ]);
      expect(
        (await get(server.sseUrl, { ca, method: transport === 'sse' ? 'PUT' : 'GET' })).status,
      ).toBe(405);
      expect((await get(`${server.url}/other`, { ca })).status).toBe(404);
    },
  );

  it('has the records and controls of the TLS server', async () => {
    const server = await start();
    const foreign = new StreamableHTTPClientTransport(new URL(server.mcpUrl), {
      fetch: pinnedFetch(cleanUp, (await heldCertificate()).pem),
    });
    await expect(connectClient(foreign as Transport)).rejects.toThrow();
    expect(server.records).toMatchObject({ applicationBytes: 0, requests: [] });
    const client = await connectClient(streamable(server) as Transport);
    expect(server.records.applicationBytes).toBeGreaterThan(0);
    expect(server.openConnections).toBeGreaterThan(0);
    server.stall('headers');
    await expect(
      client.callTool({ name: 'echo', arguments: { text: 'x' } }, undefined, { timeout: 100 }),
    ).rejects.toThrow(/timed out/);
    server.recover();
    expect(await call(client, 'echo', { text: 'x' })).toBe('x');
    server.stall('body');
    await expect(
      client.callTool({ name: 'echo', arguments: { text: 'x' } }, undefined, { timeout: 100 }),
    ).rejects.toThrow(/timed out/);
    server.recover();
    server.rotate(await heldCertificate(), { dropConnections: true });
    await expect(call(client, 'echo', { text: 'x' })).rejects.toThrow();
  });

  it.each([
    ['unknown transport', { transport: 'stdio' }],
    ['handler', { onRequest: () => {} }],
    ['unknown field', { json: true }],
    ['empty token', { requireBearer: '' }],
    ['text for a flag', { resumable: 'yes' }],
    ['negative time', { retryIntervalMs: -1 }],
    ['bad TLS option', { host: 'localhost' }],
  ])('refuses: %s', async (_name, options) => {
    expect(await codeOf(startMcpServer({ certificate, ...options } as McpServerOptions))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
  });

  it('closes with sessions, streams and calls open, and leaves no handle', async () => {
    const before = openHandles();
    const globals = [globalThis.Response, globalThis.Request, globalThis.fetch];
    const server = await startMcpServer({ certificate, transport: 'both', resumable: true });
    const clients = await Promise.all([
      connectClient(streamable(server) as Transport),
      connectClient(sse(server)),
    ]);
    const calls = clients.map((client) => codeOf(call(client, 'slow', { ms: 60_000 })));
    await until(
      () => server.records.requests.filter(({ method }) => method === 'POST').length >= 6,
      'calls',
    );
    await server.close();
    await server[Symbol.asyncDispose]();
    expect([server.openConnections, server.sessionIds]).toEqual([0, []]);
    await Promise.all(clients.map((client) => client.close()));
    for (const code of await Promise.all(calls)) expect(code).not.toBe('resolved');
    for (const step of cleanUp.splice(0).reverse()) await step();
    await until(() => openHandles().length <= before.length, 'handles closed');
    expect([globalThis.Response, globalThis.Request, globalThis.fetch]).toEqual(globals);
  });
});
