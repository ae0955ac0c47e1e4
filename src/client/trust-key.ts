import { createHash } from 'node:crypto';
import { isOptionsObject, readOptions } from '../options.js';
import { anchorsOf, checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { isDangerousTrust } from '../trust/dangerous.js';
import { isKeyObject } from '../trust/private-key.js';
import { READY, type Ready, readyOf } from '../trust/ready.js';
import { sourceOf } from '../trust/source.js';
import { sourcedOf } from '../trust/sourced.js';
import { TRUST_POLICY } from '../trust/trust-options.js';
import type { ReadyTrust, TrustInput, TrustPolicy } from '../trust/trust-policy.js';

/** How messages call it. */
const WHOSE = 'originFetch: trust';

/** Trust as it was given, read once: what becomes of the object that it was read from changes nothing. */
export type GivenTrust = { readonly ready: Ready } | { readonly plain: string | TrustPolicy };

/**
 * Reads each field once, also where it is inherited, an accessor or not enumerable: what is compared is what
 * is used. Parses nothing.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readGivenTrust(trust: TrustInput): GivenTrust {
  const ready = readyOf(trust);
  if (ready !== undefined) {
    const { policy, origins } = ready;
    return { ready: { policy, origins: origins && { ...origins } } };
  }
  if (typeof trust === 'string') return { plain: trust };
  if (!isOptionsObject(trust) || isDangerousTrust(trust)) {
    return { ready: { policy: checkTrustPolicy(trust, WHOSE), origins: undefined } };
  }
  return { plain: copyOf(readOptions(TRUST_POLICY, trust, WHOSE)) };
}

/** The same, parsed and checked. @throws {TlsConfigError} */
export function checkGivenTrust(given: GivenTrust): Ready {
  if ('ready' in given) return given.ready;
  return { policy: checkTrustPolicy(given.plain, WHOSE), origins: undefined };
}

/** What was checked, as trust to make a factory of. */
export function trustOfReady(ready: Ready): ReadyTrust {
  return Object.freeze({ [READY]: ready }) as unknown as ReadyTrust;
}

/**
 * A digest of the text of it, for what costs less than parsing: the same for a policy that is made anew for
 * each request, as by JSON.parse. A digest, since a policy may hold a private key.
 */
export function digestOfGiven(given: GivenTrust): string {
  return 'ready' in given ? keyOfTrust(given.ready) : digest(given.plain);
}

/**
 * The same for trust that means the same, however it was written and whatever object it is, and another for
 * any other. Of a client's certificate the certificates are enough: it was checked that the key is theirs.
 */
export function keyOfTrust({ policy, origins }: Ready): string {
  const others = origins && Object.entries(origins).map(([at, of]) => [at, saidBy(of)]);
  return digest({ policy: saidBy(policy), origins: others && Object.fromEntries(others) });
}

/** The fields that others follow from. */
type Said = Omit<
  CheckedTrustPolicy,
  keyof ReadyTrust | 'authorities' | 'ownCertificates' | 'trustsChains'
>;

/** Holds every field, by its type: one that is added to policies and forgotten here does not compile. */
function saidBy(policy: CheckedTrustPolicy): Readonly<Record<keyof Said | 'sources', unknown>> {
  const { defaultRoots, systemRoots, identity, serverName, allowExpired } = policy;
  const { minVersion, maxVersion, groups } = policy;
  return {
    ...{ defaultRoots, systemRoots, identity, serverName, allowExpired },
    ...{ minVersion, maxVersion, groups },
    anchors: anchorsOf(policy).map(({ raw, isAuthority }) => [raw, isAuthority]),
    pins: policy.pins.map(({ text }) => text),
    clientCertificate: policy.clientCertificate?.chain,
    crl: policy.crl,
    // What they hold changes, and is followed.
    sources: sourcedOf(policy)?.key,
  };
}

/** Of what the readers of a policy let through: texts, flags, bytes, sources, and lists and objects of them. */
function copyOf<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  if (sourceOf(value) !== undefined || isKeyObject(value)) return value;
  if (value instanceof Uint8Array) return Uint8Array.from(value) as T;
  if (Array.isArray(value)) return Array.from(value, copyOf) as T;
  return Object.fromEntries(Object.entries(value).map(([name, of]) => [name, copyOf(of)])) as T;
}

function digest(value: unknown): string {
  const hash = createHash('sha256');
  // Each with its length, so that no two lists of parts read the same.
  for (const part of partsOf(value)) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}

function partsOf(value: unknown): readonly (string | Uint8Array)[] {
  if (typeof value === 'string') return ['text', value];
  const source = sourceOf(value);
  if (source !== undefined) return ['source', source.key];
  if (typeof value !== 'object' || value === null) return [`${typeof value} ${String(value)}`];
  if (value instanceof Uint8Array) return ['bytes', value];
  if (isKeyObject(value)) return ['key', value.export({ type: 'pkcs8', format: 'der' })];
  if (Array.isArray(value)) return [`list ${value.length}`, ...value.flatMap(partsOf)];
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `fields ${entries.length}`,
    ...entries.flatMap(([name, field]) => [name, ...partsOf(field)]),
  ];
}
