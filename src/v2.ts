/** The same with transports of the MCP SDK v2 (`@modelcontextprotocol/client`). */

export * from './core.js';

export type {
  RegistrySseOptions,
  RegistryStreamableHttpOptions,
  ServerRegistry,
} from './sdk-v2/create-server-registry.js';
export { createServerRegistry } from './sdk-v2/create-server-registry.js';
export type {
  DiscoveredClient,
  PriorConnectOptions,
  PriorOptions,
} from './sdk-v2/prior-discoveries.js';
export type { SseClientOptions } from './sdk-v2/sse-client.js';
export { sseClient } from './sdk-v2/sse-client.js';
export type { StreamableHttpClientOptions } from './sdk-v2/streamable-http-client.js';
export { streamableHttpClient } from './sdk-v2/streamable-http-client.js';
