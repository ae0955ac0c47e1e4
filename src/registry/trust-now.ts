import { whetherSelfSigned } from '../certificate/is-self-signed-pem.js';
import { fromDer } from '../certificate/pem.js';
import { TlsConfigError } from '../errors.js';
import { plainFacts } from '../store/record/certificate-facts.js';
import type { CheckedServerTrust } from '../store/record/server-trust.js';
import type { ApprovedCertificate } from '../store/record/stored-certificate.js';
import { anchorsOf, type ChainReader } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';

/** What a record means in this process at this moment, or why what it names cannot be used. */
export type TrustNow =
  | { readonly policy: CheckedTrustPolicy; readonly error: undefined }
  | { readonly policy: undefined; readonly error: TlsConfigError };

/** @param chains for whoever asks for many servers in a row */
export function trustNow({ named }: CheckedServerTrust, chains?: ChainReader): TrustNow {
  try {
    // Those of other origins are part of it.
    named.readOthers(chains);
    return { policy: named.own.read(chains), error: undefined };
  } catch (error) {
    if (!(error instanceof TlsConfigError)) throw error;
    return { policy: undefined, error };
  }
}

type Facts = Omit<ApprovedCertificate, 'pem'>;

/** The certificate on record; or the first in the file that the record names, while there is one. */
export function factsNow(
  { record, named }: CheckedServerTrust,
  { policy }: TrustNow,
): Facts | undefined {
  if (record.certificate !== undefined || !named.own.hasCaInFile) return record.certificate;
  const [anchor] = policy === undefined ? [] : anchorsOf(policy);
  if (anchor === undefined) return undefined;
  // The others, of a whole bundle, are not parsed for it.
  const first = fromDer(anchor.raw);
  return { ...plainFacts(first), isSelfSigned: whetherSelfSigned(first) ?? false };
}
