import type { X509Certificate } from 'node:crypto';

/** What a server showed on one connection, and what OpenSSL said of it. */
export interface Presentation {
  /** The certificates as presented, the server's own first. */
  readonly chain: readonly X509Certificate[];
  /** Whether these are all that were presented. More than are looked at are refused, whatever they are. */
  readonly isWhole: boolean;
  /**
   * Why OpenSSL refuses the chain under the policy's authorities and roots: Node.js's code, or OpenSSL's
   * sentence where Node.js has none (its `UNSPECIFIED`); `null` if it accepts it; `undefined` if the
   * handshake ended before it was asked.
   */
  readonly chainError: string | null | undefined;
}
