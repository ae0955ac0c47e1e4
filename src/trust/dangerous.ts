import type { TrustPolicy } from './trust-policy.js';

/**
 * Known by a symbol of the whole process: no JSON, environment variable or form field can make one, and
 * what one entry or build of the package makes, all others know.
 */
const DANGEROUS = Symbol.for('mcp-tls.dangerously-trust-any-server');

const announce = once(() => {
  process.emitWarning(
    'dangerouslyTrustAnyServer() is in use: whoever answers at an address is believed, and can read and change everything that is sent there',
    { type: 'SecurityWarning', code: 'MCP_TLS_DANGER' },
  );
});

/**
 * Trust in whoever answers. **An attacker on the path reads and changes everything**: tokens, tool
 * calls, results. A warning is emitted once per process.
 *
 * There is nearly always something better: `{ identity: 'pin', pins, allowExpired: true }` takes the
 * oddest certificate and still nobody else's; `fetchPeerCertificate` gives the pin.
 *
 * @deprecated It is not going away; it is struck through so that a reviewer sees it.
 */
export function dangerouslyTrustAnyServer(): TrustPolicy {
  announce();
  // Not enumerable: a copy by its fields is an empty policy, which is refused.
  const trust = Object.defineProperty({}, DANGEROUS, { value: true });
  return Object.freeze(trust) as TrustPolicy;
}

/** Whether `value` came from {@link dangerouslyTrustAnyServer}, of whatever copy of the package. */
export function isDangerousTrust(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, DANGEROUS);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
