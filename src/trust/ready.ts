import type { CheckedTrustPolicy } from './check-trust-policy.js';

/**
 * By this, whatever is passed on as trust is known, in every entry and build of the package: a checked
 * policy, or what holds one. The number is that of the form of what it gives.
 */
export const READY: unique symbol = Symbol.for('mcp-tls.ready-trust/1');

/** What {@link READY} gives. */
export interface Ready {
  readonly policy: CheckedTrustPolicy;
  /** Of a record: policies of further origins. */
  readonly origins: Readonly<Record<string, CheckedTrustPolicy>> | undefined;
}

/** What is held ready in there, if it is such a thing, of this copy of the package or another. */
export function readyOf(trust: unknown): Ready | undefined {
  return typeof trust === 'object' && trust !== null && READY in trust
    ? (trust as { readonly [READY]: Ready })[READY]
    : undefined;
}
