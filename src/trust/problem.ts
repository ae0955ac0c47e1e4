/** What can be wrong with a server's certificate or its handshake. May grow in a minor release. */
export type ProblemCode =
  | 'self-signed'
  | 'unknown-issuer'
  | 'incomplete-chain'
  | 'chain-refused'
  | 'name-mismatch'
  | 'no-names'
  | 'expired'
  | 'not-yet-valid'
  | 'wrong-usage'
  | 'weak-key'
  | 'weak-signature'
  | 'weak-key-exchange'
  | 'undecidable-signature'
  | 'revoked'
  | 'pin-mismatch'
  | 'old-protocol'
  | 'handshake-failed'
  | 'client-certificate-requested'
  | 'client-certificate-required'
  | 'client-certificate-refused';

/** One thing that is wrong or odd, in a form for programs (`code`) and one for people (`message`). */
export interface Problem {
  readonly code: ProblemCode;
  readonly message: string;
  /** Which certificate of the chain: 0 is the server's own. Absent where it is the connection. */
  readonly certificate?: number;
}
