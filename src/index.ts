/** Everything of mcp-tls: the core, and transports of the MCP SDK v1. */

export * from './core.js';

export type {
  RegistrySseOptions,
  RegistryStreamableHttpOptions,
  ServerRegistry,
} from './sdk-v1/create-server-registry.js';
export { createServerRegistry } from './sdk-v1/create-server-registry.js';
export type { SseClientOptions } from './sdk-v1/sse-client.js';
export { sseClient } from './sdk-v1/sse-client.js';
export type { StreamableHttpClientOptions } from './sdk-v1/streamable-http-client.js';
export { streamableHttpClient } from './sdk-v1/streamable-http-client.js';
