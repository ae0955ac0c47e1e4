import type { X509Certificate } from 'node:crypto';
import { type Anchor, copyOf, parsed } from './anchor.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { CHECKED, READY, type Ready } from './ready.js';
import { SOURCED, type Sourced } from './sourced.js';
import type { ReadyTrust } from './trust-policy.js';

/** What a checked policy says beside its certificates, and what follows from them. */
export type PolicyFields = Omit<
  CheckedTrustPolicy,
  'anchors' | 'authorities' | 'ownCertificates' | 'trustsChains' | keyof ReadyTrust
>;

/** @param sourced what it is read from, if that may change */
export function checkedPolicy(
  anchors: readonly Anchor[],
  fields: PolicyFields,
  sourced: Sourced | undefined,
): CheckedTrustPolicy {
  const policy = new CheckedPolicy(anchors, fields);
  if (sourced !== undefined) Object.defineProperty(policy, SOURCED, { value: sourced });
  return Object.freeze(policy) as unknown as CheckedTrustPolicy;
}

/** What `util.inspect` and console.log ask for. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/**
 * Invariant: nobody else has the bytes in `#anchors`, by which connections are judged. Bytes can be written
 * into by whoever holds them, so that what is given out are copies, and what is kept is one.
 *
 * A gateway has thousands: all are of one shape to the engine, which a getter of each one's own, or fields that are
 * assigned by name, would prevent.
 */
class CheckedPolicy implements PolicyFields {
  /** One for all. */
  static readonly #checked: PropertyDescriptor = {
    get(this: CheckedPolicy) {
      return this.#anchors.map(copyOf);
    },
  };

  declare readonly [CHECKED]: readonly Anchor[];
  readonly defaultRoots: PolicyFields['defaultRoots'];
  readonly systemRoots: PolicyFields['systemRoots'];
  readonly trustsChains: boolean;
  readonly pins: PolicyFields['pins'];
  readonly identity: PolicyFields['identity'];
  readonly serverName: PolicyFields['serverName'];
  readonly allowExpired: PolicyFields['allowExpired'];
  readonly clientCertificate: PolicyFields['clientCertificate'];
  readonly crl: PolicyFields['crl'];
  readonly minVersion: PolicyFields['minVersion'];
  readonly maxVersion: PolicyFields['maxVersion'];
  readonly groups: PolicyFields['groups'];
  readonly #anchors: readonly Anchor[];
  #parsed: WeakRef<readonly X509Certificate[]> | undefined;

  constructor(anchors: readonly Anchor[], fields: PolicyFields) {
    this.defaultRoots = fields.defaultRoots;
    this.systemRoots = fields.systemRoots;
    this.trustsChains =
      fields.defaultRoots || fields.systemRoots || anchors.some(({ isAuthority }) => isAuthority);
    this.pins = fields.pins;
    this.identity = fields.identity;
    this.serverName = fields.serverName;
    this.allowExpired = fields.allowExpired;
    this.clientCertificate = fields.clientCertificate;
    this.crl = fields.crl;
    this.minVersion = fields.minVersion;
    this.maxVersion = fields.maxVersion;
    this.groups = fields.groups;
    this.#anchors = anchors.map(copyOf);
    Object.defineProperty(this, CHECKED, CheckedPolicy.#checked);
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
    const { pins, identity, serverName } = this;
    return { anchors: this[CHECKED].length, pins: pins.length, identity, serverName };
  }

  [INSPECT](): string {
    return `ReadyTrust ${JSON.stringify(this)}`;
  }
}

const NO_AUTHORITIES: readonly X509Certificate[] = Object.freeze([]);
