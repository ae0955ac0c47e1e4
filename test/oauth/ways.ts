import { randomBytes } from 'node:crypto';
import {
  StreamableHTTPClientTransport as HttpV2,
  SSEClientTransport as SseV2,
} from '@modelcontextprotocol/client';
import { SSEClientTransport as SseV1 } from '@modelcontextprotocol/sdk/client/sse.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Agent, fetch as undiciFetch } from 'undici';
import { createCertificateStore } from '../../src/index.js';
import { type AnyOptions, type AnyTransport, type Kind, trusting } from './support/kinds.js';
import { PARTY_NAMES } from './support/parties.js';
import type { World } from './support/world.js';

/** A transport, made in one of the ways, and how all of it ends. */
export interface Made {
  readonly transport: AnyTransport;
  close(): Promise<void>;
}

type Make = (kind: Kind, world: World, options: AnyOptions) => Promise<Made>;

export interface Way {
  readonly name: string;
  readonly make: Make;
  /**
   * Where what a server names may be reached: `'everywhere'` without ours, `'anywhere'` where the application
   * asked for it, `'public'` (nothing here is), or only what is in a list.
   */
  readonly reaches: 'everywhere' | 'anywhere' | 'public' | 'list';
}

const CONTROLS: Readonly<Record<string, new (url: URL, options: never) => unknown>> = {
  'v1 http': HttpV1,
  'v1 sse': SseV1,
  'v2 http': HttpV2,
  'v2 sse': SseV2,
};

/** Over the SDK's own class and undici, with every certificate of the world in one Agent, as people have it. */
const control: Make = async (kind, world, options) => {
  const ca = PARTY_NAMES.map((name) => world[name].pem);
  const dispatcher = new Agent({
    connect: { ca, lookup: world.lookup, allowPartialTrustChain: true } as never,
  });
  const fetch = async (url: string | URL, init?: RequestInit): Promise<Response> => {
    const { status, headers, body } = await undiciFetch(url, { ...init, dispatcher } as never);
    const hasBody = status !== 204 && status !== 304;
    return new Response(hasBody ? (body as ReadableStream) : null, {
      status,
      headers: [...headers],
    });
  };
  const Transport = CONTROLS[kind.name] as new (url: URL, options: unknown) => AnyTransport;
  const transport = new Transport(new URL(kind.url(world)), { ...options, fetch });
  return { transport, close: () => dispatcher.destroy() };
};

const plain =
  (given: 'list' | 'no list' | 'anywhere'): Make =>
  async (kind, world, options) => {
    const { origins, ...rest } = trusting(world);
    const others = { list: { origins }, 'no list': {}, anywhere: { namedOrigins: 'anywhere' } };
    const transport = kind.make(kind.url(world), { ...rest, ...others[given], ...options });
    return { transport, close: () => transport.close() };
  };

const registry =
  (hasHook: boolean): Make =>
  async (kind, world, options) => {
    const keys = [{ id: 'k1', key: randomBytes(32) }];
    const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
    const made = kind.entry.createServerRegistry({
      store,
      lookup: world.lookup,
      // A gateway whose own servers are in its own network.
      ...(hasHook ? { allowAddress: (_: string, target) => target.role !== 'named' } : {}),
    });
    const origins = { [world.as.origin]: world.as.pem };
    await made.register('server', kind.url(world), { trust: world.mcp.pem, origins });
    const transport = await made[kind.method]('server', options as never);
    const close = async (): Promise<void> => {
      await made.close();
      await store.close();
    };
    return { transport: transport as unknown as AnyTransport, close };
  };

/** The first is what it is compared with. */
export const WAYS: readonly Way[] = [
  { name: 'control (undici)', make: control, reaches: 'everywhere' },
  { name: 'plain, anywhere', make: plain('anywhere'), reaches: 'anywhere' },
  { name: 'plain, no list', make: plain('no list'), reaches: 'public' },
  { name: 'plain, list', make: plain('list'), reaches: 'list' },
  { name: 'registry', make: registry(false), reaches: 'list' },
  { name: 'registry, hook', make: registry(true), reaches: 'list' },
];
