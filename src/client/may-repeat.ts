import type { ExchangeRequest } from './exchange-request.js';
import { StreamBody } from './stream-body.js';

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** How an established connection breaks. */
const BROKEN = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

/**
 * Whether a request that broke with `error` can be sent again, and a repetition does no harm (RFC 9110
 * §9.2.2, RFC 9112 §9.3.1).
 */
export function mayRepeat({ method, body }: ExchangeRequest, error: Error): boolean {
  const { code = '' } = error as NodeJS.ErrnoException;
  return !(body instanceof StreamBody) && IDEMPOTENT.has(method) && BROKEN.has(code);
}
