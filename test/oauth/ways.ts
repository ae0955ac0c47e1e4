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
import type { World } from './support/world.js';

/** A transport, made in one of the ways, and how all of it ends. */
export interface Made {
  readonly transport: AnyTransport;
  close(): Promise<void>;
}

export type Way = (kind: Kind, world: World, options: AnyOptions) => Promise<Made>;

const CONTROLS: Readonly<Record<string, new (url: URL, options: never) => unknown>> = {
  'v1 http': HttpV1,
  'v1 sse': SseV1,
  'v2 http': HttpV2,
  'v2 sse': SseV2,
};

/** Over the SDK's own class and undici, with every certificate of the world in one Agent, as people have it. */
const control: Way = async (kind, world, options) => {
  const ca = [world.mcp.pem, world.as.pem, world.internal.pem];
  const dispatcher = new Agent({ connect: { ca, lookup: world.lookup } });
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
  (isListed: boolean): Way =>
  async (kind, world, options) => {
    const { origins, ...rest } = trusting(world);
    const own = isListed ? { ...rest, origins } : rest;
    const transport = kind.make(kind.url(world), { ...own, ...options });
    return { transport, close: () => transport.close() };
  };

const registry =
  (hasHook: boolean): Way =>
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
export const WAYS: Readonly<Record<string, Way>> = {
  'control (undici)': control,
  'plain, no list': plain(false),
  'plain, list': plain(true),
  registry: registry(false),
  'registry, hook': registry(true),
};
