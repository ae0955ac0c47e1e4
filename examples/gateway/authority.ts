import { type CertificateDescription, describeCertificate, type TrustPolicy } from 'mcp-tls';
import { ApiError } from './answer-error.js';
import { type Body, textIn } from './read-body.js';

/** The certificate of an authority, with nothing trusted yet. @throws {ApiError} if it is of none */
export async function describeAuthority(ca: string | undefined): Promise<CertificateDescription> {
  if (ca === undefined) throw new ApiError(400, "ca: the authority's certificate (PEM), please");
  const presented = await describeCertificate(ca);
  if (!presented.isCa) throw new ApiError(400, 'ca: not the certificate of an authority');
  return presented;
}

/**
 * Trust in an authority whose fingerprint somebody compared: a file comes from anywhere, so that bringing
 * it is no approval yet.
 */
export async function readAuthority(body: Body): Promise<TrustPolicy> {
  const ca = textIn(body, 'ca');
  const { fingerprint, spkiPin } = await describeAuthority(ca);
  const given = textIn(body, 'caFingerprint');
  if (given === undefined) {
    throw new ApiError(428, "caFingerprint: compare the authority's fingerprint first");
  }
  if (given !== spkiPin && hexOf(given) !== hexOf(fingerprint)) {
    throw new ApiError(409, 'caFingerprint: this authority has another fingerprint');
  }
  return { ca: ca as string, authority: true };
}

/** However it is spelt; the one that is compared with has all its 64 digits. */
function hexOf(text: string): string {
  return text
    .replace(/^sha-?256[:=/ ]*/i, '')
    .replace(/[\s:]/g, '')
    .toUpperCase();
}
