import { isStreaming } from './request-body.js';
import { requestError } from './request-error.js';

/** The values that a field of `RequestInit` may have (Fetch Standard §5.4). */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  redirect: ['follow', 'error', 'manual'],
  mode: ['cors', 'no-cors', 'same-origin'],
  credentials: ['omit', 'same-origin', 'include'],
  cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache'],
  referrerPolicy: [
    '',
    'no-referrer',
    'no-referrer-when-downgrade',
    'same-origin',
    'origin',
    'strict-origin',
    'origin-when-cross-origin',
    'strict-origin-when-cross-origin',
    'unsafe-url',
  ],
  duplex: ['half'],
  priority: ['high', 'low', 'auto'],
  window: [null],
};

const FIELDS = Object.keys(VALUES);

/**
 * Checks the second argument of a fetch. Values that are none are errors as in the platform, so that a
 * typing error in `redirect: 'error'` does not follow; what this fetch cannot do is refused by name.
 *
 * @throws {TypeError}
 */
export function checkInit(init: RequestInit): void {
  if (typeof init !== 'object' && typeof init !== 'function') {
    throw requestError('the second argument of fetch must be an object');
  }
  const fields = init as unknown as Readonly<Record<string, unknown>>;
  for (const field of FIELDS) {
    const value = fields[field];
    if (value === undefined || VALUES[field]?.includes(value)) continue;
    if (typeof value !== 'string' && VALUES[field]?.includes(text(value))) continue;
    throw requestError(`'${field}' is not a valid value, or is not supported here`);
  }
  if (fields['dispatcher'] !== undefined) {
    throw requestError('this fetch has a dispatcher of its own: another one would not be verified');
  }
  if (fields['integrity'] !== undefined && text(fields['integrity']) !== '') {
    throw requestError("'integrity' is not checked by this fetch: compare a hash of the body");
  }
  const { body } = init;
  if (body === null || body === undefined || typeof body === 'string' || !isStreaming(body)) return;
  if (fields['duplex'] === undefined) {
    throw requestError("a body that is a stream needs duplex: 'half'");
  }
  if (init.keepalive) throw requestError("'keepalive' cannot be combined with a stream body");
}

/** As Web IDL makes a string of a value; what cannot be made one is none of the allowed. */
function text(value: unknown): string {
  try {
    return `${value}`;
  } catch {
    return '\0';
  }
}
