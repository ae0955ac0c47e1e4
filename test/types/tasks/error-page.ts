/** 11. An error on a page: what to say, and whether a person has to look or a retry will do. */
import { explainTlsError } from 'mcp-tls';

export function report(error: unknown) {
  const ours = explainTlsError(error);
  if (ours === undefined) return { message: String(error), retryable: false, refused: false };
  const { refused, retryable } = ours;
  return { ...ours.toJSON(), refused, retryable };
}
