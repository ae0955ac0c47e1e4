import { invalidArgument } from '../assert.js';

/** What every request of protocol 2026-07-28 has in `_meta`, and none before it. */
const VERSION_KEY = 'io.modelcontextprotocol/protocolVersion';

/**
 * Refuses the messages of a protocol that the transports of SDK v1 do not speak: they lack its headers, and the
 * server's answer would say nothing of the reason.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function assertSpokenByV1(message: unknown): void {
  for (const one of [message].flat()) {
    const { params } = (one ?? {}) as { params?: { _meta?: Record<string, unknown> } };
    if (params?._meta?.[VERSION_KEY] === undefined) continue;
    invalidArgument(
      'a client of the MCP SDK v2 speaks protocol 2026-07-28 over a transport of SDK v1',
      "Import the transport from 'mcp-tls/v2', or set the client's versionNegotiation to 'legacy'.",
    );
  }
}
