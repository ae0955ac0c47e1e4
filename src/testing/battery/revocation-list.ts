import { createPrivateKey } from 'node:crypto';
import { certificateSigner } from '../certificate-keys.js';
import { bitString, children, type Der, integer, sequence, time } from '../der.js';
import type { HeldCertificate } from '../held-certificate-options.js';

/** What a revocation list says. */
export interface RevocationListOptions {
  readonly issuer: HeldCertificate;
  readonly revoked?: readonly HeldCertificate[];
  /** Default: a day ago. As DER: any other time than one that can be read. */
  readonly thisUpdate?: Date | Der;
  /** Default: a day from now. */
  readonly nextUpdate?: Date | Der;
}

const DAY_MS = 86_400_000;

/** A certificate revocation list (RFC 5280 §5.1) as PEM. */
export function revocationList({
  issuer,
  nextUpdate = new Date(Date.now() + DAY_MS),
  revoked = [],
  thisUpdate = new Date(Date.now() - DAY_MS),
}: RevocationListOptions): string {
  const signer = certificateSigner(createPrivateKey(issuer.keyPem), undefined);
  const yesterday = time(new Date(Date.now() - DAY_MS));
  const entries = revoked.map(({ certificate }) =>
    sequence(integer(BigInt(`0x${certificate.serialNumber}`)), yesterday),
  );
  const list = sequence(
    integer(1n),
    signer.algorithm,
    subjectOf(issuer),
    asTime(thisUpdate),
    asTime(nextUpdate),
    // RFC 5280 §5.1.2.6: absent when nothing is revoked.
    ...(entries.length > 0 ? [sequence(...entries)] : []),
  );
  const der = sequence(list, signer.algorithm, bitString(signer.sign(list)));
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return ['-----BEGIN X509 CRL-----', ...lines, '-----END X509 CRL-----', ''].join('\n');
}

function asTime(value: Date | Der): Der {
  return value instanceof Date ? time(value) : value;
}

/** The sixth field of a v3 TBSCertificate, in the bytes that the chain is linked by. */
function subjectOf({ certificate }: HeldCertificate): Der {
  const [tbs = certificate.raw] = children(certificate.raw);
  return children(tbs)[5] ?? sequence();
}
