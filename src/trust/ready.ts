import { invalidArgument } from '../assert.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';

/**
 * How anything that is passed on as trust is recognized, in every entry and build of the package: a checked
 * policy, or what holds one. The number is that of the form of what it gives.
 */
export const READY: unique symbol = Symbol.for('mcp-tls.ready-trust/1');

/**
 * By this, and not by its fields, a checked policy is known: JSON has no symbols. Holds the anchors as they
 * were given, so that another policy can be made of them without parsing them.
 */
export const CHECKED: unique symbol = Symbol.for('mcp-tls.checked-policy');

/** What {@link READY} gives. */
export interface Ready {
  readonly policy: CheckedTrustPolicy;
  /** Of a record: policies of further origins. */
  readonly origins: Readonly<Record<string, CheckedTrustPolicy>> | undefined;
}

/**
 * What is held ready in there, if it is such a thing, of this copy of the package or another.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what inherits from such a thing: fields that were
 *   added to it, or cover its own, were never checked
 */
export function readyOf(trust: unknown): Ready | undefined {
  if (typeof trust !== 'object' || trust === null || !(READY in trust)) return undefined;
  if (!Object.hasOwn(trust, READY) && !Object.hasOwn(trust, CHECKED)) {
    invalidArgument(
      'trust is an object made from a checked policy, whose fields were never checked',
      'Pass the checked policy itself, or check the policy that you mean.',
    );
  }
  return (trust as { readonly [READY]: Ready })[READY];
}
