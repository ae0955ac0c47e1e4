import { validityOf } from '../certificate/validity.js';
import { explainTlsError, type PeerCertificate, type TrustInput } from '../core.js';
import { formatError } from '../format-error.js';
import { daysUntil } from '../registry/shown-client-certificate.js';
import { checkTrustPolicy, rootsOf } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { latest } from '../trust/sourced.js';
import type { ParsedArgs } from './command.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { lookAt } from './look.js';

export type CheckStatus = 'trusted' | 'refused' | 'expiring' | 'unreachable';

/** Something that ends, and with it the trust. */
export interface End {
  readonly what: 'server certificate' | 'client certificate' | 'trusted certificate';
  readonly notAfter: Date;
  readonly daysLeft: number;
}

/** What came of one look. */
export interface CheckResult {
  readonly status: CheckStatus;
  readonly exitCode: number;
  /** As far as there was one. */
  readonly peer: PeerCertificate | undefined;
  /** The first that ends. */
  readonly end: End | undefined;
  /** Why not, in words. */
  readonly reason: string | undefined;
  readonly code: string | undefined;
}

/** A server to look at. */
export interface Target {
  /** In the trust file. */
  readonly name?: string;
  readonly url: URL;
  readonly trust: TrustInput;
}

/** A server, and what came of the look at it. */
export interface CheckedTarget extends Target {
  readonly result: CheckResult;
}

/**
 * Looks at a server under a policy. The verdict is the library's.
 *
 * @param days before an end that is reported
 * @throws what is a mistake of the caller's or a fault here
 */
export async function checkServer(
  url: URL,
  args: ParsedArgs,
  trust: TrustInput,
  days: number,
): Promise<CheckResult> {
  const policy = latest(checkTrustPolicy(trust));
  let peer: PeerCertificate;
  try {
    peer = await lookAt(url, args, trust);
  } catch (error) {
    return failed(error);
  }
  const now = new Date();
  const [end] = endsOf(policy, peer, now).sort((a, b) => a.daysLeft - b.daysLeft);
  const common = { peer, end, code: peer.problems[0]?.code };
  if (!peer.trusted) {
    const reason = peer.problems.map(({ message }) => message).join('; ');
    return { ...common, status: 'refused', exitCode: EXIT.refused, reason };
  }
  const isExpiring = end !== undefined && end.daysLeft < days;
  return isExpiring
    ? { ...common, status: 'expiring', exitCode: EXIT.expiring, reason: undefined }
    : { ...common, status: 'trusted', exitCode: EXIT.ok, reason: undefined };
}

function failed(error: unknown): CheckResult {
  const exitCode = exitCodeOf(error);
  if (exitCode !== EXIT.refused && exitCode !== EXIT.unreachable) throw error;
  const ours = explainTlsError(error);
  return {
    status: exitCode === EXIT.refused ? 'refused' : 'unreachable',
    exitCode,
    peer: undefined,
    end: undefined,
    reason: ours?.message ?? formatError(error),
    code: ours?.code,
  };
}

/**
 * The server's certificate, unless the policy takes it after its end too; the client's; and the last of those that
 * are trusted, where there is no other trust. Certificates between are left out: one that is presented and not needed
 * may have expired long ago.
 */
function endsOf(policy: CheckedTrustPolicy, { description }: PeerCertificate, now: Date): End[] {
  const { allowExpired, clientCertificate, anchors } = policy;
  const ends: [End['what'], Date][] = [];
  if (!allowExpired) ends.push(['server certificate', description.notAfter]);
  if (clientCertificate !== undefined) {
    ends.push(['client certificate', validityOf(clientCertificate.leaf).notAfter]);
  }
  if (anchors.length > 0 && rootsOf(policy) === undefined && !allowExpired) {
    const last = Math.max(...anchors.map((anchor) => validityOf(anchor).notAfter.getTime()));
    ends.push(['trusted certificate', new Date(last)]);
  }
  return ends
    .map(([what, notAfter]) => ({ what, notAfter, daysLeft: daysUntil(notAfter, now) }))
    .filter(({ daysLeft }) => !Number.isNaN(daysLeft));
}
