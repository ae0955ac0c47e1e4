import type { Inspection } from '../../connect/fetch-peer-certificate.js';
import { judge, refusalError } from '../../connect/verified.js';
import {
  type CheckedTrustPolicy,
  checkTrustPolicy,
  type PolicyDetails,
  withDetails,
} from '../../trust/check-trust-policy.js';
import type { TrustPolicy } from '../../trust/trust-policy.js';

/** What to trust of a certificate that is approved. */
export type TrustForm = 'certificate' | 'key';

/**
 * The policy that trusts exactly what was presented, judged with the handshake in which it was.
 *
 * @param form `'certificate'`: its bytes, or its fingerprint where its names are of no use; `'key'`: its key
 * @param details of the server's trust apart from whom it trusts
 * @throws {TlsTrustError} if no such policy would connect
 */
export function planTrust(
  { peer, look }: Inspection,
  host: string,
  form: TrustForm,
  details: PolicyDetails,
): CheckedTrustPolicy {
  // What failed for another reason than the certificate, no trust in the certificate mends.
  const failed = look.ending !== 'complete' || look.isTrusted ? look.refusal : look.clientRefusal;
  if (failed !== undefined) throw failed;
  const target = { host, port: peer.port };
  let refusal = look.refusal;
  for (const candidate of candidates(peer, form)) {
    const checked = checkTrustPolicy(candidate);
    const serverName = checked.serverName ?? details.serverName;
    const policy = withDetails(checked, { ...details, serverName });
    const verdict = judge({ host, policy }, look);
    if (verdict.trusted) return policy;
    refusal ??= refusalError({ ...target, policy }, { ...look, failure: undefined }, verdict);
  }
  throw refusal;
}

function candidates(
  { description, pem, trusted, suggestedPolicy }: Inspection['peer'],
  form: TrustForm,
): readonly TrustPolicy[] {
  const { spkiPin, fingerprint } = description;
  const pin = (text: string): TrustPolicy => ({ identity: 'pin', pins: [text] });
  const expired = (text: string): TrustPolicy => ({
    identity: 'pin',
    pins: [text],
    allowExpired: true,
  });
  if (form === 'key') return [pin(spkiPin), expired(spkiPin)];
  const own: TrustPolicy = { ca: pem, authority: false };
  // With another name, perhaps, by which it can be known.
  const suggested = trusted || suggestedPolicy?.ca === undefined ? [] : [suggestedPolicy];
  return [own, ...suggested, pin(fingerprint), expired(fingerprint)];
}
