import { type ErrorCode, TlsConfigError, TlsConnectionError, TlsTrustError } from '../../errors.js';
import { explainTlsError } from '../../explain-tls-error.js';

/** What a request of a registered server's client may be refused or broken off with. */
export type RequestError = TlsTrustError | TlsConnectionError | TlsConfigError;

/**
 * `error`, saying which registered server it is about: what hosts log is the message, and several servers may
 * have one address. `undefined` for what is about none: a mistake in the request, an abort by the caller.
 *
 * @param hint instead of its own
 */
export function namedError(id: string, error: unknown, hint?: string): RequestError | undefined {
  const ours = explainTlsError(error);
  if (ours instanceof TlsTrustError) {
    const { host, port, expected, presented, detail, cause } = ours;
    const details = { host, port, expected, presented, detail, cause, id };
    const words = { ...details, hint: hint ?? ours.hint };
    return new TlsTrustError(ours.code, messageOf(id, ours), words);
  }
  if (ours instanceof TlsConnectionError) {
    const { host, port, detail, hint, retryable, refused, cause } = ours;
    const details = { host, port, detail, hint, retryable, refused, cause, id };
    return new TlsConnectionError(ours.code, messageOf(id, ours), details);
  }
  if (ours instanceof TlsConfigError && ABOUT_SERVER.has(ours.code)) {
    const { hint, retryable, cause } = ours;
    return new TlsConfigError(ours.code, messageOf(id, ours), { hint, retryable, cause });
  }
  return undefined;
}

/** What other codes of its class say is about the caller. */
const ABOUT_SERVER: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_CLOSED',
  'MCP_TLS_SOURCE_UNUSABLE',
]);

function messageOf(id: string, { message }: Error): string {
  return `'${id}': ${message}`;
}
