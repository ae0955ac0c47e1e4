import type { TrustPolicy } from './trust-policy.js';

/** Told apart by identity: no JSON, environment variable or form field can make one. */
class DangerousTrust {
  readonly #brand = true;

  static is(value: unknown): boolean {
    return typeof value === 'object' && value !== null && #brand in value;
  }
}

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
  return Object.freeze(new DangerousTrust()) as TrustPolicy;
}

/** Whether `value` came from {@link dangerouslyTrustAnyServer} of this very copy of the package. */
export function isDangerousTrust(value: unknown): boolean {
  return DangerousTrust.is(value);
}

function once(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}
