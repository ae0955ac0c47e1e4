import type { X509Certificate } from 'node:crypto';
import { type CertificateDescription, describe } from '../certificate/describe-certificate.js';
import { TlsTrustError } from '../errors.js';
import {
  anyText,
  type Declaration,
  declareOptions,
  given,
  type Kind,
  ms,
  readBy,
  readOptions,
  signal,
} from '../options.js';
import { isSelfIssued } from '../trust/chain-facts.js';
import { checkTrustPolicy, withDetails } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { isDangerousTrust } from '../trust/dangerous.js';
import { explainVerdict } from '../trust/explain-verdict.js';
import { pinMatches, readPin } from '../trust/pin.js';
import type { Problem } from '../trust/problem.js';
import { readyOf } from '../trust/ready.js';
import {
  identityUnder,
  type ReferenceIdentity,
  readReferenceIdentity,
} from '../trust/reference-identity.js';
import { latest } from '../trust/sourced.js';
import { TRUST } from '../trust/trust-options.js';
import type { TrustInput, TrustPolicy } from '../trust/trust-policy.js';
import { addressOf } from './address-of.js';
import { approvalRequired } from './approval-required.js';
import { atHost } from './connection-error.js';
import { type Look, type LookRequest, look } from './look.js';
import type { PeerCertificate } from './peer-certificate.js';
import { readHttpsUrl } from './read-url.js';
import { ROUTE_FIELDS, type RouteOptions, readRoute } from './route.js';
import { suggestionFor } from './suggestion-for.js';

/** Options of {@link fetchPeerCertificate}. */
export interface FetchPeerCertificateOptions extends RouteOptions {
  /** Name to ask for (SNI) and to check the certificate against, instead of the URL's host. */
  serverName?: string;
  /**
   * The trust that `trusted`, `problems` and `suggestedPolicy` are judged by. Left out: the default roots.
   * An unset one is refused.
   */
  trust?: TrustInput;
  /**
   * A pin in any spelling. If the server presents another certificate or key, it is an error. An unset one
   * is refused: it would compare nothing.
   */
  expectFingerprint?: string;
  /** Limit for the whole probe in milliseconds; 0 for none. Default 10,000. */
  timeoutMs?: number | undefined;
  /** Ends the probe; the promise rejects with its reason. */
  signal?: AbortSignal | undefined;
}

/** A pin in any spelling. */
export const FINGERPRINT: Kind<string> = readBy('a SHA-256 fingerprint or pin', (value) => {
  readPin(value);
  return value as string;
});

const PROBE: Declaration<FetchPeerCertificateOptions> = declareOptions<FetchPeerCertificateOptions>(
  'fetchPeerCertificate: options',
  {
    serverName: given(anyText()),
    trust: given(TRUST),
    expectFingerprint: given(FINGERPRINT),
    timeoutMs: ms(),
    signal: signal(),
    ...ROUTE_FIELDS,
  },
  { elsewhere: { timeout: "did you mean 'timeoutMs'?", servername: "did you mean 'serverName'?" } },
);

/**
 * Connects to an https server only to read its certificate: makes the TLS handshake that a client under
 * `trust` makes, sends no application data, closes. What it returns is what **anybody** at that
 * address presented: it is to be approved by a person or compared with a known fingerprint, not trusted
 * because it came.
 *
 * `trusted` is the verdict of the very function that judges the connections of clients. Servers that no
 * client would shake hands with (TLS 1.0, weak groups, no secure renegotiation) are read by a second,
 * lenient handshake; they are never `trusted`.
 *
 * @throws {TlsConnectionError} if no certificate could be had: `MCP_TLS_UNREACHABLE`, `MCP_TLS_TIMEOUT`,
 *   `MCP_TLS_NOT_TLS`, `MCP_TLS_PROTOCOL_MISMATCH`, `MCP_TLS_HANDSHAKE_FAILED`, `MCP_TLS_PROXY_FAILED`; and
 *   where `expectFingerprint` is the pin of a key, if the handshake did not finish, which is what proves that
 *   the server has the key
 * @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED`, or the certificate is not DER (`MCP_TLS_CHAIN_REFUSED`)
 * @throws {ApprovalRequiredError} `MCP_TLS_FINGERPRINT_MISMATCH`
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
  const { request, trust, serverName, expected } = readProbe(url, options);
  const { peer, look } = await inspectPeer(request, trust, serverName);
  if (expected === undefined) return peer;
  if (!pinMatches(expected, peer.description)) {
    throw approvalRequired({ peer, expectedFingerprint: expected.text });
  }
  // Anybody can make a certificate for a key that is not theirs: only a finished handshake proves it.
  if (expected.of === 'key' && look.ending !== 'complete') throw look.refusal;
  return peer;
}

/** One look, with what it saw put into words. */
export interface Inspection {
  readonly peer: PeerCertificate;
  readonly look: Look;
}

/**
 * Looks once and describes what was seen.
 *
 * @param trust what to give back as `suggestedPolicy` where `request.policy` trusts the server
 * @param serverName the caller's own name for the server, for other suggestions
 */
export async function inspectPeer(
  request: LookRequest,
  trust: TrustInput,
  serverName: string | undefined,
): Promise<Inspection> {
  const looked = await look(request);
  const { handshake, refusal } = looked;
  const { host, port, policy } = request;
  const identity = identityUnder(policy, host);
  const now = new Date();
  const descriptions = await describeChain(handshake.chain);
  const [description, ...issuers] = descriptions;
  // Of an encoding that is read one way here and another way there: there is nothing to show.
  if (description === undefined) throw refusal ?? notDer(host, port);
  const { problems, remarks } = explain(looked, request, descriptions, identity, now);
  const chain = handshake.chain.map((certificate) => certificate.toString());
  const facts = {
    host,
    port,
    serverName: identity.value,
    pem: chain[0] as string,
    chain,
    description,
    issuers: issuers.filter((issuer) => issuer !== undefined),
    remarks,
    protocol: handshake.protocol,
    cipher: handshake.cipher,
    group: handshake.group,
    asksForCertificate: handshake.asksForCertificate,
    certificateTrusted: looked.isTrusted,
  };
  if (refusal === undefined) {
    const peer = { ...facts, trusted: true, problems: [], suggestedPolicy: trust } as const;
    return { peer, look: looked };
  }
  const suggestedPolicy = suggestionFor(looked, request, serverName, now);
  const found = problems as readonly [Problem, ...Problem[]];
  return { peer: { ...facts, trusted: false, problems: found, suggestedPolicy }, look: looked };
}

function notDer(host: string, port: number): TlsTrustError {
  return new TlsTrustError(
    'MCP_TLS_CHAIN_REFUSED',
    `${atHost(host, port)}: its certificate cannot be described, its encoding is not DER`,
    { host, port, hint: 'Have the certificate reissued: no client can compare it reliably.' },
  );
}

/** Certificates of a chain that are described: to look into hundreds is work that a server could give us. */
const MAX_DESCRIBED = 16;

/** Of those that name themselves as issuer. A chain has one, its root, or two, in a change of roots. */
const MAX_VERIFIED = 4;

/** `undefined` for those whose encoding is not DER. */
function describeChain(
  chain: readonly X509Certificate[],
): Promise<readonly (CertificateDescription | undefined)[]> {
  let selfIssued = 0;
  return Promise.all(
    chain.slice(0, MAX_DESCRIBED).map((certificate) => {
      if (isSelfIssued(certificate)) selfIssued++;
      const verifies = selfIssued <= MAX_VERIFIED;
      return describe(certificate, { verifies }).catch(() => undefined);
    }),
  );
}

function explain(
  { handshake, refusal, clientRefusal, isTrusted, distrust }: Look,
  { policy }: LookRequest,
  descriptions: readonly (CertificateDescription | undefined)[],
  identity: ReferenceIdentity,
  now: Date,
): { readonly problems: readonly Problem[]; readonly remarks: readonly Problem[] } {
  // A server that is trusted and refuses the client: what else is odd about it is no reason.
  const reason = isTrusted && refusal === clientRefusal ? undefined : (distrust ?? refusal);
  const explained = explainVerdict({
    refusal: reason && {
      reason: reason.code,
      message: withoutHost(reason.message),
      detail: 'detail' in reason ? reason.detail : undefined,
    },
    presentation: handshake,
    descriptions,
    identity,
    now,
    protocol: handshake.protocol,
  });
  const { problems, remarks } = explained;
  if (clientRefusal !== undefined && clientRefusal !== reason) {
    const required = clientRefusal.code === 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED';
    const code = required ? 'client-certificate-required' : 'client-certificate-refused';
    return {
      problems: [...problems, { code, message: withoutHost(clientRefusal.message) }],
      remarks,
    };
  }
  const isMissing = handshake.asksForCertificate && policy.clientCertificate === undefined;
  if (!isMissing || clientRefusal !== undefined) return explained;
  return { problems, remarks: [...remarks, CERTIFICATE_REQUESTED] };
}

/** `host:port: ` stands before the messages of errors; here it is said once for all. */
function withoutHost(message: string): string {
  return message.replace(/^(?:\[[^\]]*\]|[^:]*):\d+: /, '');
}

const CERTIFICATE_REQUESTED: Problem = {
  code: 'client-certificate-requested',
  message: 'the server asks for a client certificate, and may refuse requests without one',
};

function readProbe(url: string | URL, given: FetchPeerCertificateOptions) {
  const options = readOptions(PROBE, given);
  const { serverName, trust = null, expectFingerprint, timeoutMs = 10_000, signal } = options;
  const policy = policyFor(trust, serverName);
  const request: LookRequest = {
    ...addressOf(readHttpsUrl('url', url)),
    policy,
    route: readRoute(options),
    timeoutMs,
    signal,
  };
  return {
    request,
    trust: givenTrust(trust, policy, serverName),
    serverName,
    expected: expectFingerprint === undefined ? undefined : readPin(expectFingerprint),
  };
}

/** The trust that was given, with the name; checked, where it holds a key that is not for people to see. */
function givenTrust(
  trust: TrustInput,
  policy: CheckedTrustPolicy,
  serverName: string | undefined,
): TrustInput {
  if (policy.clientCertificate !== undefined) return policy;
  if (serverName === undefined) return trust;
  if (trust === null) return { roots: 'default', serverName };
  if (typeof trust === 'string') return { ca: trust, serverName };
  return readyOf(trust) !== undefined || isDangerousTrust(trust)
    ? policy
    : { ...(trust as TrustPolicy), serverName };
}

function policyFor(trust: TrustInput, serverName: string | undefined): CheckedTrustPolicy {
  const policy = latest(checkTrustPolicy(trust, 'options.trust'));
  if (serverName === undefined) return policy;
  return withDetails(policy, { serverName: readReferenceIdentity(serverName).value });
}
