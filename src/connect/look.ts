import type { ErrorCode } from '../errors.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import type { Verdict } from '../trust/decide.js';
import { identityUnder } from '../trust/reference-identity.js';
import { clientCertificateRefusal } from './client-certificate-refusal.js';
import { type ConnectFailure, toConnectionError } from './connection-error.js';
import { type Handshake, type Shaken, shakeHands } from './handshake.js';
import { shakeHandsOnceMore } from './hello.js';
import { within } from './limit.js';
import { reach } from './reach.js';
import type { Route } from './route.js';
import { makeLenientContext } from './secure-context.js';
import { sharedSecureContext } from './shared-context.js';
import { judge, refusalError } from './verified.js';

/** What a {@link look} connects to and judges by. */
export interface LookRequest {
  /** Host of the URL, without brackets. */
  readonly host: string;
  readonly port: number;
  readonly policy: CheckedTrustPolicy;
  readonly route: Route;
  /** For all of it; 0: none. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
  /**
   * The path of a GET to send to a server that is trusted and asked for a client certificate: nginx and
   * others refuse one only by HTTP. Absent: nothing is sent at all.
   */
  readonly path?: string | undefined;
}

/** What a client under the policy would have met. */
export interface Look {
  readonly handshake: Handshake;
  /** Why that client would not connect; `undefined`: it would. */
  readonly refusal: ConnectFailure | undefined;
  /** Why the server refused the client: it requires a certificate, or another one. */
  readonly clientRefusal: ConnectFailure | undefined;
  /** Whether `decide` trusts what was presented, apart from how the connection ended. */
  readonly isTrusted: boolean;
  /** Why it does not, where the server refused the client before that could be the reason. */
  readonly distrust?: ConnectFailure | undefined;
  /**
   * How the client's handshake ended. `'complete'`: another policy can be put before `decide` with what it
   * showed. `'failed'`: after the certificate. `'lenient'`: without one, and {@link handshake} is another.
   */
  readonly ending: 'complete' | 'failed' | 'lenient';
}

/**
 * Makes the handshake that a client under `policy` makes, and says whether that client would connect:
 * the same handshake, the same judge. Closes the connection.
 *
 * Only where that shows no certificate, because the two do not agree on how to shake hands, a second
 * handshake with everything allowed reads one, in order to say what the server is. It is never trusted.
 *
 * @throws {TlsTrustError | TlsConnectionError} if no certificate could be read
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a host that no certificate can name
 * @throws the signal's reason
 */
export async function look(request: LookRequest): Promise<Look> {
  const { timeoutMs, signal } = request;
  try {
    return await within({ timeoutMs, signal }, (ending) => lookTwice(request, ending));
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw error instanceof Error && 'code' in error && error.code === 'ETIMEDOUT'
      ? toConnectionError(error, request)
      : error;
  }
}

async function lookTwice(request: LookRequest, signal: AbortSignal): Promise<Look> {
  const strict = await asClient(request, signal);
  try {
    if (strict.handshake.chain.length > 0) return await judged(request, strict, signal);
  } finally {
    strict.socket?.destroy();
  }
  const refusal = strictError(request, strict);
  if (!maySucceedLeniently(refusal)) throw refusal;
  const lenient = await leniently(request, signal);
  lenient.socket?.destroy();
  if (lenient.handshake.chain.length === 0) throw refusal;
  return {
    handshake: lenient.handshake,
    refusal,
    clientRefusal: undefined,
    isTrusted: false,
    ending: 'lenient',
  };
}

function asClient(
  { host, port, policy, route, timeoutMs }: LookRequest,
  signal: AbortSignal,
): Promise<Shaken> {
  const identity = identityUnder(policy, host);
  const secureContext = sharedSecureContext(policy);
  const target = { identity, policy, secureContext, timeoutMs };
  return shakeHandsOnceMore(target, (giveUp) => reach({ host, port }, route, giveUp), signal);
}

async function leniently(
  { host, port, policy, route }: LookRequest,
  signal: AbortSignal,
): Promise<Shaken> {
  const identity = identityUnder(policy, host);
  const way = await reach({ host, port }, route, signal);
  return shakeHands({ way, identity, secureContext: makeLenientContext(), protocols: [] }, signal);
}

/** What becomes of a client that made this handshake. */
async function judged(request: LookRequest, shaken: Shaken, signal: AbortSignal): Promise<Look> {
  const { handshake, socket, failure } = shaken;
  const verdict = judge(request, shaken);
  const isTrusted = verdict.trusted;
  if (socket === undefined) {
    const refusal = refusalError(request, shaken, verdict);
    const isForClient = CLIENT_CODES.has(refusal.code);
    const clientRefusal = isForClient ? refusal : undefined;
    const isJudged = handshake.chainError !== undefined || isPinMismatch(verdict);
    const distrust =
      isForClient && isJudged && !isTrusted
        ? refusalError(request, { handshake, failure: undefined }, verdict)
        : undefined;
    return { handshake, refusal, clientRefusal, isTrusted, distrust, ending: 'failed' };
  }
  // Nothing is sent to a server that is not trusted.
  const target = isTrusted ? request : { ...request, path: undefined };
  const clientRefusal = handshake.asksForCertificate
    ? await clientCertificateRefusal(socket, target, signal)
    : undefined;
  const refusal = isTrusted
    ? clientRefusal
    : refusalError(request, { handshake, failure }, verdict);
  return { handshake, refusal, clientRefusal, isTrusted, ending: 'complete' };
}

/** Of a handshake that did not get to OpenSSL's verdict, too. */
const isPinMismatch = (verdict: Verdict): boolean =>
  !verdict.trusted && verdict.reason === 'MCP_TLS_PIN_MISMATCH';

const CLIENT_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED',
  'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
]);

/** No certificate was shown, for any reason: a cipher suite without one, or a failed handshake. */
function strictError(request: LookRequest, { failure, secondHello }: Shaken): ConnectFailure {
  const none = Object.assign(new Error('no certificate'), { code: 'ERR_SSL_NO_CERTIFICATE' });
  const { host, port, policy } = request;
  const context = { host, port, sawCertificate: false, groups: policy.groups, secondHello };
  return toConnectionError(failure ?? none, context);
}

/** Where the server was reached and spoke TLS, or hung up on what we said. */
function maySucceedLeniently(refusal: ConnectFailure): boolean {
  const { code } = refusal;
  return (
    code === 'MCP_TLS_PROTOCOL_MISMATCH' ||
    code === 'MCP_TLS_HANDSHAKE_FAILED' ||
    code === 'MCP_TLS_WEAK' ||
    ('detail' in refusal && refusal.detail === 'ECONNRESET')
  );
}
