import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from '@modelcontextprotocol/client';
import { Client as OldClient } from 'sdk-1.29/client/index.js';
import { SSEClientTransport as OldSse } from 'sdk-1.29/client/sse.js';
import { StreamableHTTPClientTransport as OldTransport } from 'sdk-1.29/client/streamableHttp.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CustomClientFactory,
  explainTlsError,
  makeCustomClientFactory,
} from '../../src/index.js';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../src/testing/index.js';

/** The factory's fetch in the hands of SDKs that we do not wrap: 1.29, before it minded redirects, and 2. */

let server: McpTestServer;
let factory: CustomClientFactory;

beforeEach(async () => {
  const certificate = await heldCertificate();
  server = await startMcpServer({ certificate, transport: 'both' });
  factory = makeCustomClientFactory(certificate.pem);
});
afterEach(async () => {
  await factory.close();
  await server.close();
});

const info = { name: 'other-sdk', version: '1' };
const connections = [
  {
    sdk: 'SDK 1.29, streamable http',
    connect: async (fetch: ReturnType<CustomClientFactory>) => {
      const client = new OldClient(info);
      await client.connect(new OldTransport(new URL(server.mcpUrl), { fetch }) as never);
      return client;
    },
  },
  {
    sdk: 'SDK 1.29, sse',
    connect: async (fetch: ReturnType<CustomClientFactory>) => {
      const client = new OldClient(info);
      const transport = new OldSse(new URL(server.sseUrl), { fetch });
      try {
        await client.connect(transport as never);
      } catch (error) {
        // What our sseClient does by itself: the SDK would go on trying.
        await transport.close();
        throw error;
      }
      return client;
    },
  },
  {
    sdk: 'SDK 2, streamable http',
    connect: async (fetch: ReturnType<CustomClientFactory>) => {
      const client = new ClientV2(info);
      await client.connect(new TransportV2(new URL(server.mcpUrl), { fetch }));
      return client;
    },
  },
];

describe.each(connections)('$sdk', ({ connect }) => {
  it('calls a tool over our fetch', async () => {
    const client = await connect(factory({ url: server.url }));
    const result = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
    expect(result.content).toEqual([{ type: 'text', text: '5' }]);
    await client.close();
  });

  it('learns the reason of a refusal', async () => {
    server.rotate(await heldCertificate());
    const error = await connect(factory({ url: server.url })).catch((e: unknown) => e);
    const text = String((error as Error).message);
    const code = explainTlsError(error)?.code;
    expect([code, text].join(' ')).toMatch(/MCP_TLS_SELF_SIGNED|self-signed/);
    expect(server.records.applicationBytes).toBe(0);
  });

  it('cannot be led to another origin or down to http', async () => {
    const certificate = await heldCertificate();
    await using elsewhere = await startMcpServer({ certificate });
    for (const target of [elsewhere.mcpUrl, server.mcpUrl.replace('https', 'http')]) {
      server.redirectTo(target, 307);
      const headers = { 'x-api-key': 'secret' };
      await expect(connect(factory({ url: server.url, headers }))).rejects.toThrow(/redirect/);
    }
    expect(elsewhere.records).toMatchObject({ connections: 0, applicationBytes: 0 });
    expect(server.records.requests.every(({ encrypted }) => encrypted)).toBe(true);
  });
});

describe('explainTlsError', () => {
  it('finds ours in errors of SDK 2 and in any nesting', async () => {
    server.rotate(await heldCertificate());
    const transport = new TransportV2(new URL(server.mcpUrl), { fetch: factory() });
    const error = await new ClientV2(info).connect(transport).catch((e: unknown) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_SELF_SIGNED');
    const wrapped = new Error('a', { cause: new AggregateError([new Error('b'), error]) });
    expect(explainTlsError(wrapped)?.code).toBe('MCP_TLS_SELF_SIGNED');
    expect(explainTlsError({ event: { cause: error } })?.code).toBe('MCP_TLS_SELF_SIGNED');
  });

  it('finds nothing in what is not ours, cycles included', () => {
    const cycle = new Error('x') as Error & { cause: unknown };
    cycle.cause = cycle;
    for (const one of [undefined, null, 5, 'text', new Error('x'), cycle, { errors: 'none' }]) {
      expect(explainTlsError(one)).toBeUndefined();
    }
  });
});
