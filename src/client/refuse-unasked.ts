import { aboutConnection, publish } from '../diagnostics.js';
import type { TlsTrustError } from '../errors.js';

/**
 * Refuses what is not even tried, and reports it on `mcp-tls:refused` as the refusals of connections are.
 *
 * @param id of the registered server, where it is known
 * @throws {TlsTrustError} that
 */
export function refuseUnasked(error: TlsTrustError, id?: string): never {
  const { code, message, host, port, expected, presented } = error;
  publish('mcp-tls:refused', () => ({
    ...aboutConnection(id, { host, port }),
    ...{ code, message, expected, presented, durationMs: 0 },
  }));
  throw error;
}
