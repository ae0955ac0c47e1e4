import type { TrustErrorCode } from '../codes.js';
import type { Words } from './words.js';

export const TRUST_WORDS: Readonly<Record<TrustErrorCode, Words>> = {
  MCP_TLS_SELF_SIGNED: {
    meaning: 'its certificate is self-signed and is not one of the trust anchors',
    hint: 'Read it with fetchPeerCertificate(url) and compare the fingerprint with the operator of the server out of band; if it is right, give its `suggestedPolicy`, or the certificate, as `trust` for this server.',
  },
  MCP_TLS_UNKNOWN_ISSUER: {
    meaning: 'its certificate was issued by an authority that is not trusted',
    hint: "Give the certificate of that authority as `trust: { ca, authority: true }`, or the server's own as `trust`.",
  },
  MCP_TLS_INCOMPLETE_CHAIN: {
    meaning: 'it does not send the intermediate certificate that leads to its issuer',
    hint: 'Configure the server to send its full chain, or add the missing intermediate to `trust.ca`.',
  },
  MCP_TLS_NAME_MISMATCH: {
    meaning: 'its certificate is for other names',
    hint: "Connect by a name that the certificate carries, or set `trust.serverName` to one; a certificate that names nothing useful can be trusted by its key with `identity: 'pin'`.",
  },
  MCP_TLS_PIN_MISMATCH: {
    meaning: 'neither its key nor its certificate is a pinned one',
    hint: 'If the operator of the server changed the key, compare the new fingerprint with them and renew the pin; otherwise this is not your server.',
  },
  MCP_TLS_REVOKED: {
    meaning: 'its certificate, or one above it, has been revoked by its authority',
    hint: 'The server needs a new certificate. Find out why this one was revoked.',
  },
  MCP_TLS_CRL_UNUSABLE: {
    meaning: 'a revocation list for its chain is missing or unusable',
    hint: 'Fetch current revocation lists, one for each authority in the chain, and pass them as `trust.crl`.',
  },
  MCP_TLS_EXPIRED: {
    meaning: 'its certificate, or one above it, has expired',
    hint: 'Renew the certificate on the server, or correct the clock of this machine.',
  },
  MCP_TLS_NOT_YET_VALID: {
    meaning: 'its certificate, or one above it, is not valid yet',
    hint: 'Correct the clock of this machine or of the one that made the certificate.',
  },
  MCP_TLS_WRONG_USAGE: {
    meaning: 'its certificate chain may not be used for a TLS server',
    hint: 'Have the certificate reissued with extended key usage serverAuth, by an authority that may issue it.',
  },
  MCP_TLS_WEAK: {
    meaning:
      'a key or signature in its certificate chain is too weak (below 112 bits: RSA 1024, SHA-1)',
    hint: 'Have the certificate reissued with a stronger key and signature.',
  },
  MCP_TLS_CHAIN_REFUSED: {
    meaning: 'its certificate chain is refused for another reason, see `detail`',
    hint: 'Run fetchPeerCertificate(url) to see the chain and everything that is wrong with it.',
  },
  MCP_TLS_REDIRECT_REFUSED: {
    meaning: 'a redirect out of the origin, or one that would change the request, was not followed',
    hint: 'Use the URL that the server redirects to, with a policy of its own, if it is the right one.',
  },
  MCP_TLS_PLAIN_HTTP_REFUSED: {
    meaning: 'plain http is refused, nothing is sent in the clear',
    hint: 'Use the https: URL of the server. For a server on this machine, use plain fetch.',
  },
  MCP_TLS_ADDRESS_REFUSED: {
    meaning: 'connections to its address are not allowed',
    hint: 'Use an address that this application may connect to, or extend its `allowAddress`.',
  },
};
