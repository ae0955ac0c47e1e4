import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import {
  assertIsWhole,
  type ClientCertificate,
  type ClientCertificateAndKey,
} from './client-certificate.js';
import { isKeyObject } from './private-key.js';
import { type PemInput, readMaterial, readOne, type Source, sourcesIn } from './source.js';
import type { TrustByCa, TrustPolicy } from './trust-policy.js';

/** Where a checked policy holds what it was read from, if that may change. */
export const SOURCED: unique symbol = Symbol.for('mcp-tls.sourced/1');

/** A policy whose material comes from sources, and was read at one moment. */
export interface Sourced {
  readonly sources: readonly Source[];
  /** What distinguishes these sources from others, field by field. */
  readonly key: string;
  /** Reads all of them, and gives the policy of this moment. @throws {TlsConfigError} */
  read(): CheckedTrustPolicy;
}

export function sourcedOf(policy: CheckedTrustPolicy): Sourced | undefined {
  return (policy as { readonly [SOURCED]?: Sourced })[SOURCED];
}

/** The policy of this moment, for uses that do not last, and follow nothing. @throws {TlsConfigError} */
export function latest(policy: CheckedTrustPolicy): CheckedTrustPolicy {
  return sourcedOf(policy)?.read() ?? policy;
}

type WithMaterial = Partial<Pick<TrustByCa, 'ca' | 'crl' | 'clientCertificate'>>;

/** The sources that a policy names, by where it names them. */
export function sourcesOf(policy: TrustPolicy): readonly (readonly [string, Source])[] {
  const { ca, crl, clientCertificate } = policy as WithMaterial;
  const fields = { ca, crl, ...clientCertificate };
  return Object.entries(fields).flatMap(([field, value]) =>
    sourcesIn(value).map((source) => [field, source] as const),
  );
}

/** The same policy with what its sources hold now. @throws {TlsConfigError} */
export function withMaterial<Policy extends TrustPolicy>(policy: Policy): Policy {
  const { ca, crl, clientCertificate } = policy as WithMaterial;
  return {
    ...policy,
    ...readField('ca', ca),
    ...readField('crl', crl),
    ...(clientCertificate && { clientCertificate: readHalves(clientCertificate) }),
  };
}

function readField(name: string, value: PemInput | undefined): Readonly<Record<string, unknown>> {
  return value === undefined ? {} : { [name]: readMaterial(value) };
}

function readHalves(given: ClientCertificate): ClientCertificate {
  assertIsWhole(given);
  // As text it is refused where it is read, with the way out.
  if (given.pfx !== undefined) return { ...given, pfx: readOne(given.pfx) as Uint8Array };
  return { ...given, cert: readMaterial(given.cert), key: readKey(given.key) };
}

function readKey(key: ClientCertificateAndKey['key']): ClientCertificateAndKey['key'] {
  return isKeyObject(key) ? key : readOne(key);
}

/** Fixed parts as they are now: whoever holds the bytes may write into them. */
function fixed<T>(value: T): T {
  if (value instanceof Uint8Array) return Uint8Array.from(value) as T;
  if (Array.isArray(value)) return value.map(fixed) as T;
  return value;
}

/** A copy of what a policy was given, that nobody else can change. */
export function fixedPolicy<Policy extends TrustPolicy>(policy: Policy): Policy {
  const entries = Object.entries(policy).map(([name, value]) => [name, fixed(value)]);
  const { clientCertificate } = policy;
  const copy = Object.fromEntries(entries);
  if (clientCertificate === undefined) return copy;
  const halves = Object.entries(clientCertificate).map(([name, value]) => [name, fixed(value)]);
  return { ...copy, clientCertificate: Object.fromEntries(halves) };
}
