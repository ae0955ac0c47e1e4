/**
 * Node.js's names of OpenSSL's objections (X509_V_ERR_*; `X509ErrorCode` in its src/crypto), each
 * with why no presentation provokes it, if so. `UNSPECIFIED` stands for all those without a name.
 */
export const VERIFY_CODES: Readonly<Record<string, string | undefined>> = {
  UNABLE_TO_GET_ISSUER_CERT: undefined,
  UNABLE_TO_GET_CRL: undefined,
  UNABLE_TO_DECRYPT_CERT_SIGNATURE: 'OpenSSL 3 does not use it',
  UNABLE_TO_DECRYPT_CRL_SIGNATURE: 'OpenSSL 3 does not use it',
  UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
    'OpenSSL 3 takes no certificate for an issuer whose key it cannot read; a Node.js server that sends one closes after the handshake',
  CERT_SIGNATURE_FAILURE: undefined,
  CRL_SIGNATURE_FAILURE: undefined,
  CERT_NOT_YET_VALID: undefined,
  CERT_HAS_EXPIRED: undefined,
  CRL_NOT_YET_VALID: undefined,
  CRL_HAS_EXPIRED: undefined,
  ERROR_IN_CERT_NOT_BEFORE_FIELD: undefined,
  ERROR_IN_CERT_NOT_AFTER_FIELD: undefined,
  ERROR_IN_CRL_LAST_UPDATE_FIELD: undefined,
  ERROR_IN_CRL_NEXT_UPDATE_FIELD: undefined,
  OUT_OF_MEM: 'the process would have to run out of memory',
  DEPTH_ZERO_SELF_SIGNED_CERT: undefined,
  SELF_SIGNED_CERT_IN_CHAIN: undefined,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: undefined,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: undefined,
  CERT_CHAIN_TOO_LONG:
    'UNABLE_TO_GET_ISSUER_CERT_LOCALLY, which is reported for the same chain, takes its place',
  CERT_REVOKED: undefined,
  INVALID_CA: 'INVALID_PURPOSE, which is reported for the same certificate, takes its place',
  PATH_LENGTH_EXCEEDED: undefined,
  INVALID_PURPOSE: undefined,
  CERT_UNTRUSTED: 'needs trust settings in a certificate (X509_AUX), which Node.js does not read',
  CERT_REJECTED: 'needs trust settings in a certificate (X509_AUX), which Node.js does not read',
  HOSTNAME_MISMATCH: 'Node.js does not let OpenSSL look at names',
  UNSPECIFIED: undefined,
};
