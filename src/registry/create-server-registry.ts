import { makeServerRegistry } from './make-server-registry.js';
import type { ServerRegistryOptions } from './read-registry-options.js';
import type { ServerRegistry } from './types.js';

/**
 * Makes a registry of MCP servers over a store: register a server once, then ask for its clients by id. Opens
 * nothing until it is used. That of `mcp-tls` and `mcp-tls/v2` also makes the transports of their MCP SDK.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const registry = createServerRegistry({ store });
 * await registry.register('billing', 'https://10.0.0.5:8443/mcp', { expectFingerprint });
 * const fetch = (await registry.clientFactory('billing'))();
 */
export function createServerRegistry(options: ServerRegistryOptions): ServerRegistry {
  return makeServerRegistry(options).registry;
}
