import type { X509Certificate } from 'node:crypto';
import type { Inspection } from '../../connect/fetch-peer-certificate.js';
import { judge, refusalError } from '../../connect/verified.js';
import {
  checkTrustPolicy,
  type PolicyDetails,
  trustInCertificate,
  withDetails,
} from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';

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
  inspection: Inspection,
  host: string,
  form: TrustForm,
  details: PolicyDetails,
): CheckedTrustPolicy {
  const { peer, look } = inspection;
  // What failed for another reason than the certificate, no trust in the certificate mends.
  const failed = look.ending !== 'complete' || look.isTrusted ? look.refusal : look.clientRefusal;
  if (failed !== undefined) throw failed;
  const target = { host, port: peer.port };
  let refusal = look.refusal;
  for (const policy of candidates(inspection, form, details)) {
    const verdict = judge({ host, policy }, look);
    if (verdict.trusted) return policy;
    refusal ??= refusalError({ ...target, policy }, { ...look, failure: undefined }, verdict);
  }
  throw refusal;
}

function* candidates(
  { peer, look }: Inspection,
  form: TrustForm,
  details: PolicyDetails,
): Generator<CheckedTrustPolicy> {
  const { spkiPin, fingerprint } = peer.description;
  if (form === 'certificate') {
    const leaf = look.handshake.chain[0] as X509Certificate;
    yield trustInCertificate(leaf, details);
    // By another name, perhaps, which the certificate carries.
    const { serverName } = (peer.trusted ? undefined : peer.suggestedPolicy) ?? {};
    if (typeof serverName === 'string') yield trustInCertificate(leaf, { ...details, serverName });
  }
  const pins = [form === 'key' ? spkiPin : fingerprint];
  for (const allowExpired of [false, true]) {
    yield withDetails(checkTrustPolicy({ identity: 'pin', pins, allowExpired }), details);
  }
}
