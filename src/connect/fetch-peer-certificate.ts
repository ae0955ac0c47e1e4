import type { X509Certificate } from 'node:crypto';
import { assertKnownKeys, assertMs, invalidArgument } from '../assert.js';
import { type CertificateDescription, describe } from '../certificate/describe-certificate.js';
import { checkTrustPolicy, withServerName } from '../trust/check-trust-policy.js';
import { findProblems, type Problem } from '../trust/find-problems.js';
import { readReferenceIdentity } from '../trust/reference-identity.js';
import { suggestPolicy } from '../trust/suggest-policy.js';
import type { TrustInput, TrustPolicy } from '../trust/trust-policy.js';
import { addressOf } from './address-of.js';
import { probe } from './probe.js';
import { ROUTE_FIELDS, type RouteOptions, readRoute } from './route.js';

/** Options of {@link fetchPeerCertificate}. */
export interface FetchPeerCertificateOptions extends RouteOptions {
  /** Name to ask for (SNI) and to check the certificate against, instead of the URL's host. */
  readonly serverName?: string | undefined;
  /** Anchors to judge the chain by. Default: the default roots. Nothing is trusted either way. */
  readonly trust?: TrustInput | undefined;
  /** Limit for the whole probe in milliseconds; 0 for none. Default 10,000. */
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a server presented. Plain data, except for the dates. */
export interface PeerCertificate {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate was checked against. */
  readonly serverName: string;
  /** The server's own certificate. */
  readonly pem: string;
  /** All certificates as presented, PEM, the server's own first. */
  readonly chain: readonly string[];
  /** The server's own certificate, read out. */
  readonly description: CertificateDescription;
  /** The certificates above it, read out. */
  readonly issuers: readonly CertificateDescription[];
  /** What is wrong with it; empty if a client with these anchors would connect. */
  readonly problems: readonly Problem[];
  /**
   * A policy that trusts exactly this certificate, to be used **after** somebody compared its
   * fingerprint by another way. `null`: the anchors given already trust it, no policy is needed.
   * Absent: no policy can make this server acceptable, see `problems`.
   */
  readonly suggestedPolicy?: TrustPolicy | null;
  /** Negotiated TLS version, such as `TLSv1.3`. */
  readonly protocol: string | undefined;
}

/**
 * Connects to an https server only to read its certificate: makes a TLS handshake, sends no
 * application data, closes. Whatever it returns is what **anybody** at that address presented: it
 * is to be approved by a person or compared with a known fingerprint, not trusted because it came.
 *
 * Works with servers that no client would accept: expired, misnamed, TLS 1.0, weak keys, and those
 * that demand a client certificate.
 *
 * @throws {TlsTrustError} if no certificate could be had: `MCP_TLS_UNREACHABLE`, `MCP_TLS_TIMEOUT`,
 *   `MCP_TLS_NOT_TLS`, `MCP_TLS_PROTOCOL_MISMATCH`, `MCP_TLS_HANDSHAKE_FAILED`
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @throws the signal's reason, if aborted
 * @example
 * const peer = await fetchPeerCertificate('https://10.0.0.5:8443/mcp');
 * console.log(peer.description.subject, peer.description.fingerprint, peer.problems);
 */
export async function fetchPeerCertificate(
  url: string | URL,
  options: FetchPeerCertificateOptions = {},
): Promise<PeerCertificate> {
  const { target, policy, route, timeoutMs, signal } = readOptions(url, options);
  const identity = readReferenceIdentity(policy.serverName ?? target.host);
  const seen = await probe({ ...target, identity, policy, route, timeoutMs, signal });
  const descriptions = await Promise.all(seen.chain.map(describe));
  const [leaf, ...issuers] = descriptions as [CertificateDescription, ...CertificateDescription[]];
  const now = new Date();
  const problems = [
    ...findProblems({
      chain: seen.chain,
      descriptions,
      chainError: seen.chainError,
      identity,
      now,
    }),
    ...seen.problems,
  ];
  const suggested = suggestPolicy(seen.chain[0] as X509Certificate, problems, options.serverName);
  const chain = seen.chain.map((certificate) => certificate.toString());
  return {
    ...target,
    serverName: identity.value,
    pem: chain[0] as string,
    chain,
    description: leaf,
    issuers,
    problems,
    ...(suggested === undefined ? {} : { suggestedPolicy: suggested }),
    protocol: seen.protocol,
  };
}

function readOptions(url: string | URL, options: FetchPeerCertificateOptions) {
  assertKnownKeys('options', options, [
    'serverName',
    'trust',
    'timeout',
    'signal',
    ...ROUTE_FIELDS,
  ]);
  const { serverName, trust, timeout = 10_000, signal } = options;
  assertMs('options.timeout', timeout);
  const policy = checkTrustPolicy(trust);
  const named =
    serverName === undefined
      ? policy
      : withServerName(policy, readReferenceIdentity(serverName).value);
  const route = readRoute(options);
  return { target: readTarget(url), policy: named, route, timeoutMs: timeout, signal };
}

function readTarget(url: string | URL): { host: string; port: number } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    return invalidArgument('the URL is not valid');
  }
  if (parsed.protocol !== 'https:')
    invalidArgument('only an https: URL has a certificate to fetch');
  return addressOf(parsed);
}
