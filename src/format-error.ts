import { plain } from './errors/mcp-tls-error.js';
import type { AnyMcpTlsError } from './errors.js';
import { explainTlsError } from './explain-tls-error.js';

/** A line of a log, or of a page. */
const MAX_LINE_CHARS = 1_000;

/**
 * A few lines for people, of what a fetch, an SDK or an OAuth flow rejected with: what happened, what
 * was expected and what was presented (names and fingerprints, ready to compare), and what to do. For hosts
 * that show one text. Errors that are not ours come out as their message. Printable, without secrets of
 * ours; never throws.
 *
 * @example
 * formatError(error);
 * // MCP_TLS_SELF_SIGNED: 10.0.0.5:8443: its certificate is self-signed and is not one of the trust anchors
 * //   expected:  CN=weather.internal [SHA-256 4C:D0:...]
 * //   presented: CN=weather.internal [SHA-256 9A:31:...]
 * //   to do:     Read it with fetchPeerCertificate(url) and compare ...
 */
export function formatError(error: unknown): string {
  const ours = explainTlsError(error);
  try {
    return ours === undefined ? line(messageOf(error)) : format(ours);
  } catch {
    return 'an error that cannot be read';
  }
}

function format(error: AnyMcpTlsError): string {
  // From the fields, not by a method: another copy may be of another version.
  const { code, message, hint } = error;
  const { expected, presented } = compared(error);
  const lines = [
    ['expected:', expected],
    ['presented:', presented],
    ['to do:', hint],
  ].filter(([, text]) => text !== undefined && text !== '');
  return [
    `${line(code)}: ${line(message)}`,
    ...lines.map(([label = '', text]) => `  ${label.padEnd(10)} ${line(text)}`),
  ].join('\n');
}

interface Compared {
  readonly expected?: string | undefined;
  readonly presented?: string | undefined;
}

function compared(error: AnyMcpTlsError): Compared {
  if (error.name !== 'ApprovalRequiredError') return error as Compared;
  const { peer, current, expectedFingerprint } = error;
  return {
    expected: expectedFingerprint ?? current?.fingerprint,
    presented: `${peer.description.subject} [SHA-256 ${peer.description.fingerprint}]`,
  };
}

function messageOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { message } = error as { readonly message?: unknown };
  return typeof message === 'string' ? message : Object.prototype.toString.call(error);
}

function line(value: unknown): string {
  const text = plain(String(value));
  return text.length > MAX_LINE_CHARS ? `${text.slice(0, MAX_LINE_CHARS)}...` : text;
}
