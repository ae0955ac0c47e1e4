import type {
  SSEClientTransport,
  SSEClientTransportOptions,
  StreamableHTTPClientTransport,
  StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/client';
import { makeServerRegistry } from '../registry/make-server-registry.js';
import type { ServerRegistryOptions } from '../registry/read-registry-options.js';
import type { RegisteredLinkOptions, ServerRegistry as Registry } from '../registry/types.js';
import {
  type DiscoveredClient,
  type PriorConnectOptions,
  PriorDiscoveries,
  type PriorOptions,
} from './prior-discoveries.js';
import { sseClient } from './sse-client.js';
import { streamableHttpClient } from './streamable-http-client.js';

/** The SDK's options and ours, without those that the registry decides. */
export type RegistryStreamableHttpOptions = Omit<StreamableHTTPClientTransportOptions, 'fetch'> &
  RegisteredLinkOptions;
/** What the SDK's SSE transport takes, but for what the registry gives: `fetch` and the event source. */
export type RegistrySseOptions = Omit<SSEClientTransportOptions, 'fetch' | 'eventSourceInit'> &
  RegisteredLinkOptions;

/** A registry that makes transports of the MCP SDK v2 too. */
export interface ServerRegistry extends Registry {
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  streamableHttpClient(
    id: string,
    options?: RegistryStreamableHttpOptions,
  ): Promise<StreamableHTTPClientTransport>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  sseClient(id: string, options?: RegistrySseOptions): Promise<SSEClientTransport>;
  /**
   * Options for `client.connect()` with what the server said of itself before (`server/discover` of protocol
   * 2026-07-28), which saves asking again; none, if that was not kept.
   *
   * What was kept is for this server, endpoint and principal alone, under the record that it was kept under: once
   * anything of that is written, the server is asked again. After an hour too.
   *
   * @throws {RegistryError} `MCP_TLS_NOT_REGISTERED`
   * @example
   * const transport = await registry.streamableHttpClient('billing');
   * await client.connect(transport, await registry.prior('billing'));
   * await registry.keepPrior(client);
   */
  prior(id: string, options?: PriorOptions): Promise<PriorConnectOptions>;
  /**
   * Keeps what the server said of itself to a client that is connected over a transport of `streamableHttpClient`,
   * in the memory of this process: 1,000 at most, of 64 KiB each.
   *
   * @returns whether it is kept: not if the server speaks an older protocol, the client is not connected, or the
   *   record was written since the transport was made
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a transport with credentials, without a principal
   */
  keepPrior(client: DiscoveredClient, options?: Pick<PriorOptions, 'principal'>): Promise<boolean>;
  /** Forgets what was kept of a server: after a request that failed for what had changed there. */
  forgetPrior(id: string): void;
}

/**
 * Makes a registry of MCP servers over a store: register a server once, then ask for its transport by
 * id. Opens nothing until it is used.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const registry = createServerRegistry({ store });
 * await registry.register('billing', 'https://10.0.0.5:8443/mcp', { expectFingerprint });
 * await client.connect(await registry.streamableHttpClient('billing'));
 */
export function createServerRegistry(options: ServerRegistryOptions): ServerRegistry {
  const { registry, transportOptions } = makeServerRegistry(options);
  const discoveries = new PriorDiscoveries((id, endpoint) => transportOptions(id, { endpoint }));
  return Object.freeze({
    ...registry,
    async streamableHttpClient(id: string, given: RegistryStreamableHttpOptions = {}) {
      const { url, trust, options } = await transportOptions(id, given);
      const hasCredentials = CREDENTIALS.some((field) => given[field] !== undefined);
      const transport = streamableHttpClient(url, options);
      return discoveries.made(transport, { id, url, trust, hasCredentials });
    },
    async sseClient(id: string, given: RegistrySseOptions = {}) {
      const { url, options } = await transportOptions(id, given);
      return sseClient(url, options);
    },
    prior: (id: string, given: PriorOptions = {}) => discoveries.prior(id, given),
    keepPrior: (client: DiscoveredClient, given: Pick<PriorOptions, 'principal'> = {}) =>
      discoveries.keep(client, given),
    forgetPrior: (id: string) => discoveries.forget(id),
  });
}

/** By any of them, a server may know whom it talks to. */
const CREDENTIALS = ['auth', 'headers', 'authProvider', 'requestInit'] as const;
