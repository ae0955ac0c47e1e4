import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  type ClientOptions as ClientOptionsV2,
  Client as ClientV2,
  type McpSubscription,
  StreamableHTTPClientTransport,
} from '@modelcontextprotocol/client';
import type { OAuthClientProvider } from '@modelcontextprotocol/sdk/client/auth.js';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  type CustomClientFactory,
  createCertificateStore,
  createServerRegistry,
  fetchPeerCertificate,
  makeCustomClientFactory,
  type ServerRegistry,
  sseClient,
  streamableHttpClient,
} from '../../src/index.js';
import { LIMITS, MAX_BODY_BYTES, type World } from './world.js';

/** What is under way when the fault strikes, or begins after it. */
export interface Operation {
  readonly name: string;
  /** An answer was open before: whatever breaks its connection breaks it. */
  readonly open?: true;
  /** Over a transport of the SDK's own, whose errors and limits are the SDK's. */
  readonly foreign?: true;
  /** Makes everything that is there before the fault. */
  prepare(world: World): Promise<Prepared>;
}

export interface Prepared {
  run(): Promise<unknown>;
  close(): Promise<void>;
}

const INFO = { name: 'faults', version: '1' };

function factoryFor(world: World): CustomClientFactory {
  return makeCustomClientFactory(world.certificate.pem, {
    lookup: (...given) => world.lookup(...given),
    timeout: LIMITS,
    maxBodyBytes: MAX_BODY_BYTES,
  });
}

/** A client of an SDK over our transport; `connected`: already before the fault. */
function overSdk(
  name: string,
  makeTransport: (world: World, factory: CustomClientFactory) => Transport,
  use: ((client: Client) => Promise<unknown>) | undefined,
  open?: true,
): Operation {
  return {
    name,
    ...(open && { open }),
    async prepare(world) {
      const factory = factoryFor(world);
      const client = new Client(INFO);
      client.onerror = () => {};
      const connect = () => client.connect(makeTransport(world, factory));
      if (use !== undefined) await connect();
      return {
        run: () => (use === undefined ? connect() : use(client)),
        async close() {
          await client.close();
          await factory.close();
        },
      };
    },
  };
}

const http = (world: World, clientFactory: CustomClientFactory): Transport =>
  streamableHttpClient(world.mcpUrl, { clientFactory }) as Transport;
const sse = (world: World, clientFactory: CustomClientFactory): Transport =>
  sseClient(world.sseUrl, { clientFactory }) as Transport;

/** The provider that an application without a person has: it never gets beyond the metadata. */
const provider: OAuthClientProvider = {
  redirectUrl: 'http://127.0.0.1/callback',
  clientMetadata: { redirect_uris: ['http://127.0.0.1/callback'] },
  clientInformation: () => undefined,
  tokens: () => undefined,
  saveTokens() {},
  redirectToAuthorization() {},
  saveCodeVerifier() {},
  codeVerifier: () => '',
};

/** A stream that is being read when the fault strikes. */
function stream(name: string, method: 'GET' | 'POST'): Operation {
  return {
    name,
    open: true,
    async prepare(world) {
      const factory = factoryFor(world);
      const response = await factory()(`${world.url}/events`, {
        method,
        ...(method === 'POST' && { body: '{}' }),
      });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      return {
        async run() {
          // As many as come until it has to be clear whether the stream goes on.
          const end = Date.now() + 1500;
          while (Date.now() < end) if ((await reader.read()).done) throw new Error('ended early');
          await reader.cancel();
        },
        close: () => factory.close(),
      };
    },
  };
}

const MODERN: ClientOptionsV2 = { versionNegotiation: { mode: { pin: '2026-07-28' } } };

/** What an operation of the SDK v2 has: it is connected, and listens. */
interface ListeningV2 {
  readonly world: World;
  readonly client: ClientV2;
  readonly subscription: McpSubscription | undefined;
}

/** A client of the SDK v2 over its own transport and our fetch; `use`: it is connected before the fault. */
function overSdk2(
  name: string,
  urlOf: (world: World) => string,
  options: ClientOptionsV2,
  use: ((connected: ListeningV2) => Promise<unknown>) | undefined,
): Operation {
  const listens = use === listen;
  return {
    name,
    foreign: true,
    ...(listens && { open: true }),
    async prepare(world) {
      const factory = factoryFor(world);
      const client = new ClientV2(INFO, options);
      client.onerror = () => {};
      const connect = () => {
        const url = new URL(urlOf(world));
        const transport = new StreamableHTTPClientTransport(url, { fetch: factory() });
        return client.connect(transport, { timeout: 4000 });
      };
      if (use !== undefined) await connect();
      const subscription = listens ? await client.listen({ toolsListChanged: true }) : undefined;
      return {
        run: () => (use === undefined ? connect() : use({ world, client, subscription })),
        async close() {
          await client.close();
          await factory.close();
        },
      };
    },
  };
}

/** A subscription is told of changes, or ends: the SDK's own hook for the end of a stream sees to it. */
async function listen({ world, client, subscription }: ListeningV2): Promise<string> {
  let changes = 0;
  client.setNotificationHandler('notifications/tools/list_changed', () => void changes++);
  // Longer than the stream may be silent.
  const over = pause(LIMITS.idleMs + 800, 'neither changes nor an end', { ref: false });
  const told = (async () => {
    while (changes === 0) {
      await world.notify();
      await pause(50);
    }
    return 'told of a change';
  })();
  const outcome = await Promise.race([subscription?.closed, told, over]);
  changes++;
  if (outcome === 'neither changes nor an end') throw new Error(outcome);
  return `${outcome}`;
}

function overRegistry(
  name: string,
  use: (registry: ServerRegistry, world: World) => Promise<unknown>,
): Operation {
  return {
    name,
    async prepare(world) {
      const store = createCertificateStore({
        keys: [{ id: 'k1', key: randomBytes(32) }],
        storage: 'memory',
        whenEmpty: 'create',
      });
      const registry = createServerRegistry({
        store,
        lookup: (...given) => world.lookup(...given),
        timeout: LIMITS,
      });
      await registry.register('one', world.mcpUrl, {
        expectFingerprint: world.certificate.fingerprint,
      });
      return {
        run: () => use(registry, world),
        async close() {
          await registry.close();
          await store.close();
        },
      };
    },
  };
}

export const OPERATIONS: readonly Operation[] = [
  {
    name: 'probe',
    prepare: async (world) => ({
      run: async () => {
        const peer = await fetchPeerCertificate(world.url, {
          trust: world.certificate.pem,
          lookup: (...given) => world.lookup(...given),
          timeoutMs: LIMITS.connectMs,
        });
        return peer.problems.map(({ code }) => code).join(' ');
      },
      close: async () => {},
    }),
  },
  overSdk('connect', http, undefined),
  overSdk('connect sse', sse, undefined),
  overSdk('call', http, (client) =>
    client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }, undefined, { timeout: 60_000 }),
  ),
  overSdk(
    'call sse',
    sse,
    (client) =>
      client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }, undefined, { timeout: 60_000 }),
    true,
  ),
  overSdk('streaming call', http, (client) =>
    client.callTool({ name: 'count', arguments: { to: 5, delayMs: 20 } }, undefined, {
      timeout: 60_000,
      onprogress: () => {},
    }),
  ),
  stream('GET stream', 'GET'),
  // As `subscriptions/listen` of 2026-07-28 is: a POST that never ends.
  stream('POST stream', 'POST'),
  overSdk2('v2 connect', (world) => world.mcpUrl, {}, undefined),
  overSdk2(
    'v2 call',
    (world) => world.v2Url,
    MODERN,
    ({ client }) => client.callTool({ name: 'add', arguments: { a: 1, b: 2 } }, { timeout: 4000 }),
  ),
  overSdk2('v2 listen', (world) => world.v2Url, MODERN, listen),
  overSdk2(
    'v2 listen anew',
    (world) => world.v2Url,
    MODERN,
    async ({ client }) => {
      const subscription = await client.listen({ toolsListChanged: true }, { timeout: 4000 });
      await subscription.close();
    },
  ),
  overSdk(
    'OAuth',
    (world, clientFactory) =>
      streamableHttpClient(world.mcpUrl, { clientFactory, authProvider: provider }) as Transport,
    undefined,
  ),
  overRegistry('register', (registry, world) =>
    registry.register('two', world.mcpUrl, {
      expectFingerprint: world.certificate.fingerprint,
    }),
  ),
  overRegistry('renew', (registry) => registry.renew('one')),
  overRegistry('check', async (registry) => {
    const { ok, error } = await registry.check('one', { timeoutMs: LIMITS.headersMs });
    if (!ok) throw error;
  }),
  overRegistry('watch', async (registry) => {
    const watch = registry.watch({ intervalMs: 1000, pollMs: 1000 });
    const signal = AbortSignal.timeout(3000);
    signal.addEventListener('abort', () => void watch.close());
    const seen: string[] = [];
    for await (const event of watch) seen.push(event.type);
    return seen.join(' ');
  }),
];
