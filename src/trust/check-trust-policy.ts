import { X509Certificate } from 'node:crypto';
import { assertKnownKeys, assertOneOf, invalidArgument } from '../assert.js';
import { readCertificates } from '../certificate/pem.js';
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
  readonly anchors: readonly X509Certificate[];
  /** Those of the anchors that vouch for themselves only. */
  readonly ownCertificates: readonly X509Certificate[];
  readonly defaultRoots: boolean;
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

const FIELDS: readonly (keyof TrustPolicy)[] = [
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
];

type PlainPolicy = Omit<CheckedTrustPolicy, 'anchors' | 'ownCertificates'>;

/** The part of a policy that is parsed again when it is asked for after having gone. */
class AnchoredPolicy {
  readonly #bytes: readonly Uint8Array[];
  readonly #isOwn: readonly boolean[];
  #parsed: WeakRef<readonly X509Certificate[]> | undefined;

  constructor(anchors: readonly X509Certificate[], own: readonly X509Certificate[]) {
    this.#bytes = anchors.map(({ raw }) => raw);
    this.#isOwn = anchors.map((anchor) => own.includes(anchor));
    // Not kept weakly either: a WeakRef holds what it refers to until the end of the turn, in which a
    // gateway may make all its factories.
  }

  get anchors(): readonly X509Certificate[] {
    const present = this.#parsed?.deref();
    if (present !== undefined) return present;
    const again = Object.freeze(this.#bytes.map((raw) => new X509Certificate(raw)));
    this.#parsed = new WeakRef(again);
    return again;
  }

  get ownCertificates(): readonly X509Certificate[] {
    return this.anchors.filter((_, i) => this.#isOwn[i]);
  }
}

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
 * unknown throws instead of falling back to the default roots, as `ca: ''` does in `node:tls`.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function checkTrustPolicy(trust: TrustInput | undefined): CheckedTrustPolicy {
  if (trust === null || trust === undefined) return DEFAULT_POLICY;
  if (typeof trust === 'string' || trust instanceof Uint8Array) return readPolicy({ ca: trust });
  if (isDangerousTrust(trust)) return freeze([], [], { identity: 'unchecked' });
  assertShape(trust);
  assertCombination(trust);
  return readPolicy(trust);
}

function readPolicy(trust: TrustPolicy): CheckedTrustPolicy {
  const { ca, authority, pins, serverName, clientCertificate, crl } = trust;
  const { identity = 'name', allowExpired = false, minVersion = 'TLSv1.2' } = trust;
  const anchors = ca === undefined ? [] : readCertificates(ca);
  const byDefault = ca === undefined && identity === 'name' ? 'default' : 'none';
  return freeze(anchors, ownAmong(anchors, authority), {
    defaultRoots: (trust.roots ?? byDefault) === 'default',
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
function ownAmong(
  anchors: readonly X509Certificate[],
  authority: boolean | undefined,
): readonly X509Certificate[] {
  if (authority !== undefined) return authority ? [] : anchors;
  return anchors.filter((anchor) =>
    /(?:^|, )(?:DNS|IP Address):/.test(presentedNames(anchor) ?? ''),
  );
}

function readPins(pins: readonly string[]): readonly Pin[] {
  if (!Array.isArray(pins) || pins.length === 0) {
    invalidArgument('trust.pins must be a list of at least one pin');
  }
  const read = pins.map(readPin);
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
  if (authority !== undefined && ca === undefined)
    invalidArgument('trust.authority needs trust.ca');
  if (pins === undefined && (identity === 'pin' || allowExpired === true)) {
    invalidArgument("trust.identity 'pin' and trust.allowExpired need trust.pins");
  }
  if (identity === 'pin' && (ca !== undefined || roots !== undefined || crl !== undefined)) {
    invalidArgument(
      "with trust.identity 'pin' the chain is not asked: leave out ca, roots and crl",
    );
  }
  if (identity !== 'pin' && ca === undefined && roots === 'none') {
    invalidArgument("trust.roots is 'none' and there is no trust.ca: nothing could be trusted");
  }
  // OpenSSL reports the last of several objections, and expiry would hide a revocation.
  if (allowExpired === true && crl !== undefined) {
    invalidArgument('trust.allowExpired and trust.crl exclude each other');
  }
}

/** The same policy for another name. */
export function withServerName(policy: CheckedTrustPolicy, serverName: string): CheckedTrustPolicy {
  const { anchors, ownCertificates } = policy;
  return freeze(anchors, ownCertificates, { ...policy, serverName });
}

function freeze(
  certificates: readonly X509Certificate[],
  own: readonly X509Certificate[],
  rest: Partial<PlainPolicy>,
): CheckedTrustPolicy {
  const complete = { ...DEFAULTS, ...rest };
  Object.freeze(complete.pins);
  Object.freeze(complete.crl);
  return Object.freeze(Object.assign(new AnchoredPolicy(certificates, own), complete));
}

const DEFAULT_POLICY = freeze([], [], {});
