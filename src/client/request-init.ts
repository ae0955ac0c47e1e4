import { isStreaming } from './request-body.js';
import { requestError } from './request-error.js';

/** The values that a field of `RequestInit` may have (Fetch Standard §5.4). */
const VALUES = {
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
} satisfies Readonly<Record<string, readonly unknown[]>>;

/** What to do with a redirect. */
export type Redirect = 'follow' | 'manual' | 'error';

/** Fields whose types in `RequestInit` say less or more than what may be there. */
type AllFields = Readonly<Record<keyof typeof VALUES | 'dispatcher' | 'integrity', unknown>>;

/** What of the second argument of a fetch means anything here. Its values are read by whoever they are for. */
export interface ReadInit {
  readonly method: unknown;
  readonly headers: RequestInit['headers'];
  readonly body: unknown;
  readonly signal: unknown;
  readonly redirect: Redirect | undefined;
}

/**
 * Reads the second argument of a fetch, each field once. Values that are none are errors as in the platform,
 * so that a typing error in `redirect: 'error'` does not follow; what this fetch cannot do is refused by
 * name.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`; what a getter of the caller's throws
 */
export function readInit(init: RequestInit): ReadInit {
  if (typeof init !== 'object' && typeof init !== 'function') {
    throw requestError('the second argument of fetch must be an object');
  }
  // Each by its own name: a loop over the names is looked up anew for every call, a twentieth of it.
  const fields = init as unknown as AllFields;
  const redirect = allowed('redirect', fields.redirect);
  allowed('mode', fields.mode);
  allowed('credentials', fields.credentials);
  allowed('cache', fields.cache);
  allowed('referrerPolicy', fields.referrerPolicy);
  const duplex = allowed('duplex', fields.duplex);
  allowed('priority', fields.priority);
  allowed('window', fields.window);
  if (fields.dispatcher !== undefined) {
    throw requestError('this fetch has a dispatcher of its own: another one would not be verified');
  }
  const integrity = fields.integrity;
  if (integrity !== undefined && text(integrity) !== '') {
    throw requestError("'integrity' is not checked by this fetch: compare a hash of the body");
  }
  const { method, headers, body, signal } = init;
  if (body !== null && body !== undefined && typeof body !== 'string' && isStreaming(body)) {
    if (duplex === undefined) throw requestError("a body that is a stream needs duplex: 'half'");
    if (init.keepalive) throw requestError("'keepalive' cannot be combined with a stream body");
  }
  return { method, headers, body, signal, redirect: redirect as Redirect | undefined };
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if `value` is none that the field may have */
function allowed(field: keyof typeof VALUES, value: unknown): unknown {
  if (value === undefined) return undefined;
  const values: readonly unknown[] = VALUES[field];
  if (values.includes(value)) return value;
  const asText = typeof value === 'string' ? undefined : text(value);
  if (asText !== undefined && values.includes(asText)) return asText;
  throw requestError(`'${field}' is not a valid value, or is not supported here`);
}

/** As Web IDL makes a string of a value; what cannot be made one is none of the allowed. */
function text(value: unknown): string {
  try {
    return `${value}`;
  } catch {
    return '\0';
  }
}
