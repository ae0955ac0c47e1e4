import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { SSEClientTransport } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { describe, expect, it } from 'vitest';
import { makeCustomClientFactory, type TrustPolicy } from '../../src/core.js';
import {
  type BatteryConnection,
  type BatteryHost,
  type BatteryReport,
  definePinningTests,
  pinningBattery,
} from '../../src/testing/index.js';

type Kind = NonNullable<BatteryHost['transport']>;
type Fetch = typeof fetch;

const TRANSPORTS = {
  'streamable-http': StreamableHTTPClientTransport,
  sse: SSEClientTransport,
} as const;

/** A host over the MCP SDK. `fetchOf` says what it makes of the fetch that it was given. */
function host(transport: Kind, fetchOf: (given: Fetch) => Fetch = (given) => given): BatteryHost {
  return {
    transport,
    async connect(url, trust) {
      const factory = makeCustomClientFactory(trust as TrustPolicy);
      try {
        const given = fetchOf(factory({ url }) as Fetch);
        return await session(new TRANSPORTS[transport](new URL(url), { fetch: given }), factory);
      } catch (error) {
        await factory.close();
        throw error;
      }
    },
  };
}

async function session(
  transport: StreamableHTTPClientTransport | SSEClientTransport,
  factory: { close(): Promise<void> },
): Promise<BatteryConnection> {
  const client = new Client({ name: 'host', version: '1.0.0' });
  try {
    await client.connect(transport as Transport);
  } catch (error) {
    await client.close();
    throw error;
  }
  return {
    call: () => client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }),
    async close() {
      await client.close();
      await factory.close();
    },
  };
}

const failed = (report: BatteryReport): string[] =>
  report.results.filter(({ passed }) => passed === false).map(({ id }) => id);

const rootsCanChange = 'setDefaultCACertificates' in (await import('node:tls'));

describe('the battery over a host that connects by itself', () => {
  it.each<Kind>(['streamable-http', 'sse'])(
    'passes one that uses its fetch, over %s',
    async (kind) => {
      const report = await pinningBattery(host(kind), { concurrency: 4 });
      expect(report.results.filter(({ passed }) => passed === false)).toEqual([]);
      expect(report.attacks.passed).toBeGreaterThan(80);
      expect(report.works.passed).toBeGreaterThan(40);
    },
    180_000,
  );

  it('fails one that ignores the fetch it was given', async () => {
    const ignoring = host('streamable-http', () => fetch);
    const include = ['environment-chain', 'default-roots-excluded', 'host-calls', 'key-p256'];
    const report = await pinningBattery(ignoring, { include });
    expect(failed(report)).toEqual(
      include.filter((id) => rootsCanChange || id !== 'default-roots-excluded').sort(byDefinition),
    );
  }, 60_000);

  it('fails one that falls back to the fetch of Node.js where it is refused', async () => {
    const falling = host(
      'streamable-http',
      (given) =>
        (async (input: string, init?: object) => {
          try {
            return await given(input, init);
          } catch {
            return fetch(input, init);
          }
        }) as Fetch,
    );
    const include = ['environment-chain', 'host-public-impostor-later', 'host-calls', 'key-p256'];
    const report = await pinningBattery(falling, { include });
    expect(failed(report)).toEqual(
      rootsCanChange ? ['environment-chain', 'host-public-impostor-later'] : ['environment-chain'],
    );
    const leaked = report.results.find(({ id }) => id === 'environment-chain');
    expect(leaked?.applicationBytesLeaked).toBeGreaterThan(100);
  }, 60_000);

  it('fails one whose calls resolve without asking the server', async () => {
    const lying: BatteryHost = {
      connect: async (url, trust) => {
        const { close } = await host('streamable-http').connect(url, trust);
        return { call: async () => 'cached', close };
      },
    };
    const report = await pinningBattery(lying, { include: ['host-calls'] });
    expect(failed(report)).toEqual(['host-calls']);
    expect(report.results[0]?.error).toContain('without a request');
  });

  it('closes every session that it had opened', async () => {
    let open = 0;
    const counted: BatteryHost = {
      connect: async (url, trust) => {
        const inner = await host('streamable-http').connect(url, trust);
        open += 1;
        return {
          call: inner.call,
          close: async () => {
            open -= 1;
            await inner.close();
          },
        };
      },
    };
    const include = ['host-calls-together', 'host-reconnects', 'rotation', 'renewal'];
    expect((await pinningBattery(counted, { include })).passed).toBe(true);
    expect(open).toBe(0);
  }, 60_000);

  it('asks a host for nothing that only a fetch can do, and the reverse', async () => {
    await expect(pinningBattery(host('sse'), { include: ['http-get'] })).rejects.toThrow(
      'http-get is not made with a host',
    );
    await expect(pinningBattery(() => fetch as never, { include: ['host-calls'] })).rejects.toThrow(
      'host-calls is not made with a fetch',
    );
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['no connect', {}],
    ['an unknown option', { connect: async () => ({}), transports: 'sse' }],
    ['an unknown transport', { connect: async () => ({}), transport: 'websocket' }],
  ])('refuses %s as a host', async (_what, given) => {
    await expect(pinningBattery(given as BatteryHost)).rejects.toMatchObject({
      code: 'MCP_TLS_INVALID_ARGUMENT',
    });
  });
});

/** In vitest, for real. */
definePinningTests({ describe, it }, host('sse'), {
  include: ['impostor-self-signed', 'rotation', 'host-calls', 'ca-empty'],
});

function byDefinition(one: string, other: string): number {
  const order = ['environment-chain', 'default-roots-excluded', 'host-calls', 'key-p256'];
  return order.indexOf(one) - order.indexOf(other);
}
