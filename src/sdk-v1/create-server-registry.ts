import type {
  SSEClientTransport,
  SSEClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/sse.js';
import type {
  StreamableHTTPClientTransport,
  StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { makeServerRegistry } from '../registry/make-server-registry.js';
import type { ServerRegistryOptions } from '../registry/read-registry-options.js';
import type { RegisteredLinkOptions, ServerRegistry as Registry } from '../registry/types.js';
import { sseClient } from './sse-client.js';
import { streamableHttpClient } from './streamable-http-client.js';

/** The SDK's options and ours, without those that the registry decides. */
export type RegistryStreamableHttpOptions = Omit<StreamableHTTPClientTransportOptions, 'fetch'> &
  RegisteredLinkOptions;
/** What the SDK's SSE transport takes, but for what the registry gives: `fetch` and the event source. */
export type RegistrySseOptions = Omit<SSEClientTransportOptions, 'fetch' | 'eventSourceInit'> &
  RegisteredLinkOptions;

/** A registry that makes transports of the MCP SDK v1 too. */
export interface ServerRegistry extends Registry {
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  streamableHttpClient(
    id: string,
    options?: RegistryStreamableHttpOptions,
  ): Promise<StreamableHTTPClientTransport>;
  /** @throws {RegistryError} `MCP_TLS_NOT_REGISTERED` */
  sseClient(id: string, options?: RegistrySseOptions): Promise<SSEClientTransport>;
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
  return Object.freeze({
    ...registry,
    async streamableHttpClient(id: string, given: RegistryStreamableHttpOptions = {}) {
      const { url, options } = await transportOptions(id, given);
      return streamableHttpClient(url, options);
    },
    async sseClient(id: string, given: RegistrySseOptions = {}) {
      const { url, options } = await transportOptions(id, given);
      return sseClient(url, options);
    },
  });
}
