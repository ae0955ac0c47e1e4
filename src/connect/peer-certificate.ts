import type { CertificateDescription } from '../certificate/describe-certificate.js';
import type { Problem } from '../trust/problem.js';
import type { TrustInput, TrustPolicy } from '../trust/trust-policy.js';

/** What a server presented. Plain data, except for the dates. */
export interface PeerFacts {
  readonly host: string;
  readonly port: number;
  /** The name that the certificate was checked against. */
  readonly serverName: string;
  /** The server's own certificate. */
  readonly pem: string;
  /** All certificates as presented (at most 100 are read), PEM, the server's own first. */
  readonly chain: readonly string[];
  /** The server's own certificate, described. */
  readonly description: CertificateDescription;
  /** The certificates above it, described: at most 15, and none whose encoding is not DER. */
  readonly issuers: readonly CertificateDescription[];
  /** Odd, but no reason to refuse. */
  readonly remarks: readonly Problem[];
  /** Negotiated TLS version, such as `TLSv1.3`. */
  readonly protocol: string | undefined;
  /** Cipher suite by its IANA name. */
  readonly cipher: string | undefined;
  /** Group of the key exchange, such as `X25519`. */
  readonly group: string | undefined;
  /** Whether the server asked for a client certificate. Not every server that asks requires one. */
  readonly asksForCertificate: boolean;
  /**
   * Whether the given trust accepts the certificate, however the connection ended: also true where only the server
   * refuses the client, for want of a client certificate. False where the handshake ended before that could be told.
   */
  readonly certificateTrusted: boolean;
}

/** What a server presented, and whether a client under the given trust would connect. */
export type PeerCertificate =
  | (PeerFacts & {
      readonly trusted: true;
      readonly problems: readonly [];
      /** The trust that was given: nothing else is needed. */
      readonly suggestedPolicy: TrustInput;
    })
  | (PeerFacts & {
      readonly trusted: false;
      /** What is wrong; never empty. */
      readonly problems: readonly [Problem, ...Problem[]];
      /**
       * A policy that trusts exactly this certificate or key, to be used **after** somebody compared the
       * fingerprint out of band. It was judged with this very handshake. It never has a client certificate:
       * add the one of the given trust, if there is one (its key is a secret, and not repeated), or one that
       * the server accepts, where `asksForCertificate` says that it wants one. `undefined`: no policy can make
       * this server acceptable, see `problems`.
       */
      readonly suggestedPolicy: TrustPolicy | undefined;
    });
