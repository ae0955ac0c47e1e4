import type { Anchor } from './anchor.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { fixed, type NamedSource, namedSources, type PemInput, type Source } from './source.js';

/** Where a checked policy holds what it was read from, if that may change. */
export const SOURCED: unique symbol = Symbol.for('mcp-tls.sourced/1');

/** A policy whose material comes from sources, and was read at one moment. */
export interface Sourced {
  readonly sources: readonly Source[];
  /** What distinguishes these sources from others, field by field. */
  readonly key: string;
  /** Those of `ca` and `crl`. */
  readonly chain: ChainSource | undefined;
  /** Reads all of them, and gives the policy of this moment. @throws {TlsConfigError} */
  read(): CheckedTrustPolicy;
}

/** What decides whose chains are trusted, as a policy was given it. */
export interface ChainFields {
  readonly ca?: PemInput | undefined;
  readonly crl?: PemInput | undefined;
  readonly authority?: boolean | undefined;
}

/** The same, read. */
export interface Chain {
  readonly anchors: readonly Anchor[];
  /** PEM, one list each. */
  readonly crl: readonly string[];
}

/** Certificates and revocation lists of which some come from sources. */
export interface ChainSource {
  readonly given: ChainFields;
  readonly named: readonly NamedSource[];
  /** Reads all of them. @throws {TlsConfigError} */
  read(): Chain;
}

/** @returns `undefined` where none of them is a source */
export function chainSourceOf(
  { ca, crl, authority }: ChainFields,
  read: (fields: ChainFields) => Chain,
): ChainSource | undefined {
  const named = [...namedSources('ca', ca), ...namedSources('crl', crl)];
  if (named.length === 0) return undefined;
  // Whoever holds the bytes of those that are none may write into them.
  const given = { ca: fixed(ca), crl: fixed(crl), authority };
  return { given, named, read: () => read(given) };
}

/** What a policy is read from. @returns `undefined` where that is none */
export function makeSourced(
  chain: ChainSource | undefined,
  client: readonly NamedSource[] | undefined,
  read: () => CheckedTrustPolicy,
): Sourced | undefined {
  const named = [...(chain?.named ?? []), ...(client ?? [])];
  if (named.length === 0) return undefined;
  return {
    sources: [...new Map(named.map(([, source]) => [source.key, source])).values()],
    key: JSON.stringify(named.map(([field, { key }]) => [field, key])),
    chain,
    read,
  };
}

export function sourcedOf(policy: CheckedTrustPolicy): Sourced | undefined {
  return (policy as { readonly [SOURCED]?: Sourced })[SOURCED];
}

/** The policy of this moment, for uses that do not last, and follow nothing. @throws {TlsConfigError} */
export function latest(policy: CheckedTrustPolicy): CheckedTrustPolicy {
  return sourcedOf(policy)?.read() ?? policy;
}
