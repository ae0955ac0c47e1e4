import type { X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import type { PlainPem } from '../certificate/pem.js';
import { readCertificates } from '../certificate/pem.js';
import { readRevocationLists } from '../certificate/revocation-list.js';
import { readOptions, refuse, typeOf } from '../options.js';
import type { Anchor } from './anchor.js';
import { checkedPolicy, type PolicyFields } from './checked-policy.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';
import { assertIsWhole, readClientCertificate } from './client-certificate.js';
import { isDangerousTrust } from './dangerous.js';
import { type Pin, readPin } from './pin.js';
import { type AllFields, assertCombination, groupsOf, leastVersion } from './policy-combination.js';
import { CHECKED, readyOf } from './ready.js';
import { presentedNames, readReferenceIdentity } from './reference-identity.js';
import { rememberChains } from './remember-chains.js';
import { readMaterial, sourceOf, sourcesIn } from './source.js';
import {
  type Chain,
  type ChainFields,
  type ChainSource,
  chainSourceOf,
  makeSourced,
  sourcedOf,
} from './sourced.js';
import { TRUST_POLICY } from './trust-options.js';
import type { ReadyTrust, TrustInput, TrustPolicy } from './trust-policy.js';
import { readUriIdentity } from './uri-identity.js';

const DEFAULTS: PolicyFields = {
  defaultRoots: true,
  systemRoots: false,
  pins: [],
  identity: 'name',
  serverName: undefined,
  allowExpired: false,
  clientCertificate: undefined,
  crl: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  groups: [],
};

/**
 * Checks trust where it is entered (a form, a file), opens nothing, and gives what every place that takes
 * trust takes: parsed and checked once.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @example
 * const trust = checkTrust({ ca: uploadedPem, serverName: form.serverName });
 * const transport = streamableHttpClient(url, { trust });
 */
export function checkTrust(trust: TrustInput): ReadyTrust {
  return checkTrustPolicy(trust);
}

/**
 * Validates `trust` once, so that nothing after it has to: an input that is empty, unset, unparsable or
 * unknown throws instead of falling back to the default roots, as `ca: ''` does in `node:tls`. A policy
 * that was checked already is returned as it is.
 *
 * @param whose how messages call it
 * @param parsed a certificate that may be in `ca`, not to be parsed again: parsing takes longer than all the rest
 * @param chains reads `ca` and `crl`, for whoever checks many policies in a row
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function checkTrustPolicy(
  trust: TrustInput,
  whose = 'trust',
  parsed?: X509Certificate,
  chains?: ChainReader,
): CheckedTrustPolicy {
  if (trust === null) return DEFAULT_POLICY;
  if (typeof trust === 'string') return readPolicy({ ca: trust });
  const ready = readyOf(trust);
  if (ready !== undefined) return ready.policy;
  if (isDangerousTrust(trust))
    return freeze([], { ...DEFAULTS, identity: 'unchecked', defaultRoots: false });
  assertType(trust, whose);
  const policy = readOptions(TRUST_POLICY, trust, whose);
  if (Object.keys(policy).length === 0) {
    invalidArgument(`${whose} is an empty policy: pass null for the default roots`);
  }
  assertCombination(policy);
  return readPolicy(policy, parsed, chains);
}

/**
 * Checks a policy as far as that can be done without reading its sources.
 *
 * @throws {TlsConfigError} as {@link checkTrustPolicy}
 */
export function checkWithoutSources(trust: TrustPolicy): void {
  const policy = readOptions(TRUST_POLICY, trust, 'trust');
  assertCombination(policy);
  const { ca, crl, clientCertificate, ...rest } = policy as AllFields;
  if (clientCertificate !== undefined) assertIsWhole(clientCertificate);
  const isNamed = Object.values(clientCertificate ?? {}).some((one) => sourcesIn(one).length > 0);
  readPolicy({
    ...rest,
    ...fixedPart('ca', ca),
    ...fixedPart('crl', crl),
    ...(isNamed || clientCertificate === undefined ? {} : { clientCertificate }),
  } as TrustPolicy);
}

/** A field without its sources; none where nothing is left. */
function fixedPart(name: string, value: unknown): Readonly<Record<string, unknown>> {
  if (value === undefined) return {};
  const all = Array.isArray(value) ? value : [value];
  const rest = all.filter((one) => sourceOf(one) === undefined);
  return rest.length === 0 && all.length > 0 ? {} : { [name]: rest };
}

function assertType(trust: unknown, whose: string): void {
  if (trust === undefined) {
    invalidArgument(`${whose} is undefined: pass null for the default roots`);
  }
  if (Array.isArray(trust) || trust instanceof Uint8Array) {
    invalidArgument(
      `${whose} must be a policy, PEM text, or null for the default roots; received ${typeOf(trust)}: write { ca: ... }`,
    );
  }
}

function readPolicy(
  trust: TrustPolicy,
  parsed?: X509Certificate,
  chains?: ChainReader,
): CheckedTrustPolicy {
  const { roots, pins, serverName, clientCertificate } = trust as AllFields;
  const { identity = 'name', allowExpired = false, maxVersion = 'TLSv1.3' } = trust as AllFields;
  const source = chainSourceOf(trust as AllFields, readChain);
  const { anchors, crl } =
    chains?.(trust as AllFields) ?? source?.read() ?? readChain(trust as AllFields, parsed);
  const rest = {
    defaultRoots: roots === 'default',
    systemRoots: roots === 'system',
    pins: pins === undefined ? DEFAULTS.pins : readPins(pins),
    identity,
    serverName: serverName === undefined ? undefined : readServerName(serverName),
    allowExpired,
    clientCertificate: clientCertificate && readClientCertificate(clientCertificate),
    crl,
    minVersion: leastVersion(trust),
    maxVersion,
    groups: groupsOf(trust),
  };
  return freeze(anchors, rest, source);
}

/** Reads what decides whose chains are trusted. @throws {TlsConfigError} */
export type ChainReader = (fields: ChainFields) => Chain;

/** A reader for many policies in a row, which often name one bundle: sources are read each time, and parsed once. */
export function rememberingChains(): ChainReader {
  return rememberChains(readChain);
}

function readChain({ ca, crl, authority }: ChainFields, parsed?: X509Certificate): Chain {
  const certificates =
    ca === undefined ? [] : readCertificates(readMaterial(ca) as PlainPem, parsed);
  const anchors = certificates.map((certificate) => ({
    raw: certificate.raw,
    isAuthority: authority ?? !carriesServerName(certificate),
  }));
  if (crl !== undefined && anchors.some(({ isAuthority }) => !isAuthority)) {
    invalidArgument(
      "trust.crl is for authorities, and a certificate in trust.ca is a server's own: take it out of ca to withdraw it, or set authority: true",
    );
  }
  return {
    anchors,
    crl: crl === undefined ? DEFAULTS.crl : readRevocationLists(readMaterial(crl)),
  };
}

/** A URI is distinguished from a name by its characters from here on. */
function readServerName(name: string | { readonly uri: string }): string {
  return typeof name === 'string' ? readReferenceIdentity(name).value : readUriIdentity(name.uri);
}

/**
 * A certificate with server names was made for a server; authorities are named by their subject, and those of SPIFFE
 * by the URI of their trust domain, which has no path (X509-SVID §4).
 */
function carriesServerName(certificate: X509Certificate): boolean {
  const names = presentedNames(certificate) ?? '';
  if (/(?:^|, )(?:DNS|IP Address):/.test(names)) return true;
  return /(?:^|, )"?URI:/.test(names) && !/^URI:spiffe:\/\/[^/?#,"\s]+$/.test(names);
}

export function readPins(pins: string | readonly string[]): readonly Pin[] {
  const list = typeof pins === 'string' ? [pins] : pins;
  if (!Array.isArray(list) || list.length === 0) {
    refuse('trust.pins', 'a pin or a list of at least one', list);
  }
  const read = list.map(readPin);
  return [...new Map(read.map((pin) => [pin.text, Object.freeze(pin)])).values()];
}

/** The roots that a policy trusts in addition to its anchors, by the name that policies have for them. */
export function rootsOf({
  defaultRoots,
  systemRoots,
}: CheckedTrustPolicy): 'default' | 'system' | undefined {
  if (defaultRoots) return 'default';
  return systemRoots ? 'system' : undefined;
}

/** What of a policy says nothing of whom it trusts, and can be set apart from that. */
export type PolicyDetails = Partial<
  Pick<
    CheckedTrustPolicy,
    'serverName' | 'clientCertificate' | 'minVersion' | 'maxVersion' | 'groups' | 'pins'
  >
>;

/** The same policy with other details. */
export function withDetails(
  policy: CheckedTrustPolicy,
  details: PolicyDetails,
): CheckedTrustPolicy {
  const changed = freeze(
    anchorsOf(policy),
    { ...plain(policy), ...details },
    sourcedOf(policy)?.chain,
  );
  if (changed.minVersion > changed.maxVersion) {
    invalidArgument('trust.minVersion is above trust.maxVersion: no version is left');
  }
  return changed;
}

/** The certificates of `ca` as DER, and which of them are authorities: without parsing them. */
export function anchorsOf(policy: CheckedTrustPolicy): readonly Anchor[] {
  return (policy as CheckedTrustPolicy & { readonly [CHECKED]: readonly Anchor[] })[CHECKED];
}

/** `{ ca, authority: false }` for a certificate at hand. */
export function trustInCertificate(
  { raw }: X509Certificate,
  details: PolicyDetails,
): CheckedTrustPolicy {
  return freeze([{ raw, isAuthority: false }], { ...DEFAULTS, defaultRoots: false, ...details });
}

function plain(policy: CheckedTrustPolicy): PolicyFields {
  const { defaultRoots, systemRoots, pins, identity, serverName, allowExpired } = policy;
  const { clientCertificate, crl, minVersion, maxVersion, groups } = policy;
  return {
    ...{ defaultRoots, systemRoots, pins, identity, serverName, allowExpired },
    ...{ clientCertificate, crl, minVersion, maxVersion, groups },
  };
}

/** @param chain where `anchors` and `fields.crl` were read from, if that may change */
function freeze(
  anchors: readonly Anchor[],
  fields: PolicyFields,
  chain?: ChainSource,
): CheckedTrustPolicy {
  Object.freeze(fields.pins);
  Object.freeze(fields.crl);
  Object.freeze(fields.groups);
  const client = fields.clientCertificate?.source;
  const sourced = makeSourced(chain, client?.named, () => {
    const read = chain?.read() ?? { anchors, crl: fields.crl };
    const clientCertificate = client?.read() ?? fields.clientCertificate;
    return freeze(read.anchors, { ...fields, crl: read.crl, clientCertificate }, chain);
  });
  return checkedPolicy(anchors, fields, sourced);
}

const DEFAULT_POLICY = freeze([], DEFAULTS);
