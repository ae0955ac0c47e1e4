import type { X509Certificate } from 'node:crypto';
import { assertKnownKeys, assertOneOf, invalidArgument } from '../assert.js';
import { fromDer, readCertificates } from '../certificate/pem.js';
import { readRevocationLists } from '../certificate/revocation-list.js';
import { type CheckedClientCertificate, readClientCertificate } from './client-certificate.js';
import { isDangerousTrust } from './dangerous.js';
import { type Pin, readPin } from './pin.js';
import { presentedNames, readReferenceIdentity } from './reference-identity.js';
import type { TlsVersion, TrustInput, TrustPolicy } from './trust-policy.js';

/**
 * A policy after {@link checkTrustPolicy}: checked, complete and frozen. It holds its certificates as
 * bytes; what OpenSSL makes of them takes ten times as much and goes when nobody uses it, since a
 * gateway knows thousands of servers and talks to few of them at a time.
 */
export interface CheckedTrustPolicy {
  /** All certificates of `ca`. */
  readonly anchors: readonly X509Certificate[];
  /** Those of them that may vouch for other certificates: OpenSSL's trust anchors, with the roots. */
  readonly authorities: readonly X509Certificate[];
  /** DER of the others: servers' own, compared by their bytes, and never given to OpenSSL. */
  readonly ownCertificates: readonly Uint8Array[];
  readonly defaultRoots: boolean;
  /** Whether there are authorities or roots, without which no chain is trusted. */
  readonly trustsChains: boolean;
  readonly pins: readonly Pin[];
  /** `'unchecked'` is reached by the dangerous export only, never by data. */
  readonly identity: 'name' | 'pin' | 'unchecked';
  readonly serverName: string | undefined;
  readonly allowExpired: boolean;
  readonly clientCertificate: CheckedClientCertificate | undefined;
  /** PEM, one list each. */
  readonly crl: readonly string[];
  readonly minVersion: TlsVersion;
}

const FIELDS = [
  'ca',
  'authority',
  'roots',
  'pins',
  'identity',
  'serverName',
  'allowExpired',
  'clientCertificate',
  'crl',
  'minVersion',
] as const;

type PlainPolicy = Omit<
  CheckedTrustPolicy,
  'anchors' | 'authorities' | 'ownCertificates' | 'trustsChains'
>;

/**
 * By this, and not by its fields, a checked policy is known: JSON has no symbols. Holds the anchors as they
 * were given, so that another policy can be made of them without parsing them.
 */
const CHECKED = Symbol.for('mcp-tls.checked-policy');

/** What `util.inspect` and console.log ask for. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom');

class CheckedPolicy {
  readonly ownCertificates: readonly Uint8Array[];
  declare readonly [CHECKED]: readonly Anchor[];
  #parsed: WeakRef<readonly X509Certificate[]> | undefined;

  constructor(anchors: readonly Anchor[]) {
    Object.defineProperty(this, CHECKED, { value: Object.freeze([...anchors]) });
    const own = anchors.filter(({ isAuthority }) => !isAuthority);
    this.ownCertificates = Object.freeze(own.map(({ raw }) => raw));
    // What was parsed is not kept weakly either: a WeakRef holds what it refers to until the end of the
    // turn, in which a gateway may make all its factories.
  }

  get anchors(): readonly X509Certificate[] {
    const present = this.#parsed?.deref();
    if (present !== undefined) return present;
    const again = Object.freeze(this[CHECKED].map(({ raw }) => fromDer(raw)));
    this.#parsed = new WeakRef(again);
    return again;
  }

  get authorities(): readonly X509Certificate[] {
    const anchors = this[CHECKED];
    return anchors.some(({ isAuthority }) => isAuthority)
      ? this.anchors.filter((_, i) => anchors[i]?.isAuthority)
      : NO_AUTHORITIES;
  }

  /** Anchors can be many, and a client's certificate is nobody's business. */
  toJSON(): object {
    const { pins, identity, serverName } = this as unknown as CheckedTrustPolicy;
    return { anchors: this[CHECKED].length, pins: pins.length, identity, serverName };
  }

  [INSPECT](): string {
    return `CheckedTrustPolicy ${JSON.stringify(this)}`;
  }
}

/** A certificate of `ca`. */
export interface Anchor {
  readonly raw: Uint8Array;
  readonly isAuthority: boolean;
}

const NO_AUTHORITIES: readonly X509Certificate[] = Object.freeze([]);

const DEFAULTS: PlainPolicy = {
  defaultRoots: true,
  pins: [],
  identity: 'name',
  serverName: undefined,
  allowExpired: false,
  clientCertificate: undefined,
  crl: [],
  minVersion: 'TLSv1.2',
};

/**
 * Validates `trust` once, so that nothing after it has to: an input that is empty, unparsable or
 * unknown throws instead of falling back to the default roots, as `ca: ''` does in `node:tls`. A policy
 * that was checked already is returned as it is.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function checkTrustPolicy(trust: TrustInput | undefined): CheckedTrustPolicy {
  if (trust === null || trust === undefined) return DEFAULT_POLICY;
  if (typeof trust === 'string' || trust instanceof Uint8Array) return readPolicy({ ca: trust });
  if (isCheckedPolicy(trust)) return trust;
  if (isDangerousTrust(trust)) return freeze([], { identity: 'unchecked', defaultRoots: false });
  assertShape(trust);
  assertCombination(trust);
  return readPolicy(trust);
}

/** Whether `value` came from {@link checkTrustPolicy}, of this copy of the package or another. */
export function isCheckedPolicy(value: unknown): value is CheckedTrustPolicy {
  return typeof value === 'object' && value !== null && CHECKED in value;
}

function readPolicy(trust: TrustPolicy): CheckedTrustPolicy {
  const { ca, authority, roots, pins, serverName, clientCertificate, crl } = trust;
  const { identity = 'name', allowExpired = false, minVersion = 'TLSv1.2' } = trust;
  const certificates = ca === undefined ? [] : readCertificates(ca);
  const anchors = certificates.map((certificate) => ({
    raw: certificate.raw,
    isAuthority: authority ?? !carriesServerName(certificate),
  }));
  if (crl !== undefined && anchors.some(({ isAuthority }) => !isAuthority)) {
    invalidArgument(
      "trust.crl is for authorities, and a certificate in trust.ca is a server's own: take it out of ca to withdraw it, or set authority: true",
    );
  }
  return freeze(anchors, {
    defaultRoots: roots === 'default',
    pins: pins === undefined ? [] : readPins(pins),
    identity,
    serverName: serverName === undefined ? undefined : readReferenceIdentity(serverName).value,
    allowExpired,
    clientCertificate: clientCertificate && readClientCertificate(clientCertificate),
    crl: crl === undefined ? [] : readRevocationLists(crl),
    minVersion,
  });
}

/** A certificate with server names was made for a server; authorities are named by their subject. */
function carriesServerName(certificate: X509Certificate): boolean {
  return /(?:^|, )(?:DNS|IP Address):/.test(presentedNames(certificate) ?? '');
}

export function readPins(pins: string | readonly string[]): readonly Pin[] {
  const list = typeof pins === 'string' ? [pins] : pins;
  if (!Array.isArray(list) || list.length === 0) {
    invalidArgument('trust.pins must be a pin or a list of at least one');
  }
  const read = list.map(readPin);
  return [...new Map(read.map((pin) => [pin.text, Object.freeze(pin)])).values()];
}

/**
 * A field that is there with the value `undefined` is nearly always an unset variable. Taking it as
 * "not given" would fall back to a default that the caller did not choose.
 */
function assertShape(trust: TrustPolicy): void {
  assertKnownKeys('trust', trust, FIELDS);
  const fields = Object.entries(trust);
  if (fields.length === 0) {
    invalidArgument('trust is an empty policy: pass null for the default roots');
  }
  for (const [field, value] of fields) {
    if (value === undefined || value === null) {
      invalidArgument(`trust.${field} is ${value}: leave it out or set it`);
    }
  }
  const { authority, roots, identity, allowExpired, minVersion } = trust;
  if (roots !== undefined) assertOneOf('trust.roots', roots, ['none', 'default']);
  if (identity !== undefined) assertOneOf('trust.identity', identity, ['name', 'pin']);
  if (minVersion !== undefined) {
    assertOneOf('trust.minVersion', minVersion, ['TLSv1.2', 'TLSv1.3']);
  }
  for (const [field, value] of Object.entries({ authority, allowExpired })) {
    if (value !== undefined && typeof value !== 'boolean') {
      invalidArgument(`trust.${field} must be true or false`);
    }
  }
}

/** Fields that would be ignored beside others, or that say the opposite. */
function assertCombination(trust: TrustPolicy): void {
  const { ca, authority, roots, pins, identity, allowExpired, crl } = trust;
  if (identity === 'pin') {
    if (pins === undefined) invalidArgument("trust.identity 'pin' needs trust.pins");
    if (ca !== undefined || roots !== undefined || crl !== undefined || authority !== undefined) {
      invalidArgument(
        "with trust.identity 'pin' names and chain are not checked: leave out ca, authority, roots and crl; or leave out identity, and the pins are checked in addition to the chain",
      );
    }
    return;
  }
  if (ca === undefined && roots !== 'default') {
    invalidArgument(
      roots === 'none'
        ? "trust.roots is 'none' and there is no trust.ca: nothing could be trusted"
        : "trust does not say whom to trust: give ca, or roots: 'default', or identity: 'pin' with pins",
      pins === undefined
        ? undefined
        : "Pins alone do not say whether names and chain are checked: write `{ identity: 'pin', pins }` to trust the pin alone, or `{ roots: 'default', pins }` for both.",
    );
  }
  if (ca === undefined && (authority !== undefined || allowExpired === true || crl !== undefined)) {
    invalidArgument('trust.authority, trust.allowExpired and trust.crl need trust.ca');
  }
  if (allowExpired === true && pins === undefined) {
    invalidArgument('trust.allowExpired needs trust.pins');
  }
  // OpenSSL reports the last of several objections, and expiry would hide a revocation.
  if (allowExpired === true && crl !== undefined) {
    invalidArgument('trust.allowExpired and trust.crl cannot be combined');
  }
}

/** What of a policy says nothing of whom it trusts, and can be set apart from that. */
export type PolicyDetails = Partial<
  Pick<CheckedTrustPolicy, 'serverName' | 'clientCertificate' | 'minVersion' | 'pins'>
>;

/** The same policy with other details. */
export function withDetails(
  policy: CheckedTrustPolicy,
  details: PolicyDetails,
): CheckedTrustPolicy {
  return freeze(anchorsOf(policy), { ...plain(policy), ...details });
}

/** The certificates of `ca` as DER, and which of them are authorities: without parsing them. */
export function anchorsOf(policy: CheckedTrustPolicy): readonly Anchor[] {
  return (policy as CheckedTrustPolicy & Pick<CheckedPolicy, typeof CHECKED>)[CHECKED];
}

/** `{ ca, authority: false }` for a certificate at hand. */
export function trustInCertificate(
  { raw }: X509Certificate,
  details: PolicyDetails,
): CheckedTrustPolicy {
  return freeze([{ raw, isAuthority: false }], { defaultRoots: false, ...details });
}

function plain(policy: CheckedTrustPolicy): PlainPolicy {
  const { defaultRoots, pins, identity, serverName, allowExpired } = policy;
  const { clientCertificate, crl, minVersion } = policy;
  return {
    ...{ defaultRoots, pins, identity, serverName, allowExpired },
    ...{ clientCertificate, crl, minVersion },
  };
}

function freeze(anchors: readonly Anchor[], rest: Partial<PlainPolicy>): CheckedTrustPolicy {
  const complete = { ...DEFAULTS, ...rest };
  const trustsChains = complete.defaultRoots || anchors.some(({ isAuthority }) => isAuthority);
  Object.freeze(complete.pins);
  Object.freeze(complete.crl);
  return Object.freeze(Object.assign(new CheckedPolicy(anchors), complete, { trustsChains }));
}

const DEFAULT_POLICY = freeze([], {});
