import { explainTlsError, StoreError, TlsConfigError, TlsConnectionError } from '../core.js';

/** How a command ended, for scripts. docs/cli.md documents them. */
export const EXIT = {
  /** Trusted; done. */
  ok: 0,
  /** A fault of the program or of the installation. */
  internal: 1,
  /** Not trusted, or not what was expected: a person has to look. */
  refused: 2,
  /** Trusted, and a certificate expires soon. */
  expiring: 3,
  /** There was no usable connection, to the server or to the store: nothing is known. */
  unreachable: 4,
  /** The command line, a file that it names, or the environment is not what it must be. */
  usage: 64,
} as const;

/** Of a store that did not answer. Everything else says something about what lies in it. */
const NOT_THERE: ReadonlySet<string> = new Set([
  'MCP_TLS_STORE_UNAVAILABLE',
  'MCP_TLS_STORE_TIMEOUT',
  'MCP_TLS_STORE_OUTCOME_UNKNOWN',
]);

/** A mistake on the command line. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The command refuses: a person has to look. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** The exit code for what a command threw. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof RefusedError) return EXIT.refused;
  const ours = explainTlsError(error);
  if (ours === undefined) return EXIT.internal;
  if (ours.refused) return EXIT.refused;
  if (ours instanceof TlsConnectionError) return EXIT.unreachable;
  if (ours instanceof StoreError) {
    return NOT_THERE.has(ours.code) ? EXIT.unreachable : EXIT.refused;
  }
  if (!(ours instanceof TlsConfigError)) return EXIT.refused;
  return ours.code === 'MCP_TLS_UNSUPPORTED_RUNTIME' ? EXIT.internal : EXIT.usage;
}
