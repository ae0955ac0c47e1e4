import type { X509Certificate } from 'node:crypto';
import { type Anchor, copyOf, parsed } from './anchor.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { CHECKED, READY, type Ready } from './ready.js';

/** What a checked policy is, but for its plain fields. */
export function checkedPolicy(anchors: readonly Anchor[]): object {
  return new CheckedPolicy(anchors);
}

/** What `util.inspect` and console.log ask for. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Invariant: nobody else has the bytes in `#anchors`, by which connections are judged. Bytes can be written
 * into by whoever holds them, so that what is given out are copies, and what is kept is one.
 */
class CheckedPolicy {
  declare readonly [CHECKED]: readonly Anchor[];
  readonly #anchors: readonly Anchor[];
  #parsed: WeakRef<readonly X509Certificate[]> | undefined;

  constructor(anchors: readonly Anchor[]) {
    this.#anchors = anchors.map(copyOf);
    Object.defineProperty(this, CHECKED, { get: () => this.#anchors.map(copyOf) });
    // What was parsed is not kept weakly either: a WeakRef holds what it refers to until the end of the
    // turn, in which a gateway may make all its factories.
  }

  get ownCertificates(): readonly Uint8Array[] {
    return this.#anchors.filter(({ isAuthority }) => !isAuthority).map((one) => copyOf(one).raw);
  }

  get anchors(): readonly X509Certificate[] {
    const present = this.#parsed?.deref();
    if (present !== undefined) return present;
    const again = Object.freeze(this.#anchors.map(parsed));
    this.#parsed = new WeakRef(again);
    return again;
  }

  get authorities(): readonly X509Certificate[] {
    const anchors = this.#anchors;
    return anchors.some(({ isAuthority }) => isAuthority)
      ? this.anchors.filter((_, i) => anchors[i]?.isAuthority)
      : NO_AUTHORITIES;
  }

  get [READY](): Ready {
    return { policy: this as unknown as CheckedTrustPolicy, origins: undefined };
  }

  /** Anchors can be many, and a client's certificate is nobody's business. */
  toJSON(): object {
    const { pins, identity, serverName } = this as unknown as CheckedTrustPolicy;
    return { anchors: this[CHECKED].length, pins: pins.length, identity, serverName };
  }

  [INSPECT](): string {
    return `ReadyTrust ${JSON.stringify(this)}`;
  }
}

const NO_AUTHORITIES: readonly X509Certificate[] = Object.freeze([]);
