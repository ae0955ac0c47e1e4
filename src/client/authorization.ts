import { invalidArgument } from '../assert.js';
import {
  anyText,
  custom,
  type Declaration,
  declareOptions,
  readOptions,
  refuse,
  required,
  type Surroundings,
} from '../options.js';

/**
 * Who we are to the server: a bearer token, a user name and password (HTTP Basic, RFC 7617), or a
 * function that is asked before every request and gives a token or `undefined`.
 */
export type AuthInput =
  | string
  | { username: string; password: string }
  | (() => string | undefined | Promise<string | undefined>);

/** Gives the value of the Authorization header. */
export type Authorization = () => string | undefined | Promise<string | undefined>;

/**
 * Validates `auth` once. No message repeats any of it.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readAuthorization(
  auth: AuthInput,
  whose = 'auth',
  around: Surroundings = [],
): Authorization {
  if (typeof auth === 'function') {
    return async () => {
      const token = await auth();
      return token === undefined ? undefined : bearer(token);
    };
  }
  if (typeof auth === 'string') {
    const value = bearer(auth);
    return () => value;
  }
  if (typeof auth !== 'object' || auth === null || Array.isArray(auth)) {
    refuse(whose, 'a bearer token, { username, password } or a function', auth);
  }
  const { username, password } = readOptions(BASIC, auth, whose, around);
  const value = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  return () => value;
}

export interface BasicCredentials {
  username: string;
  password: string;
}

/** RFC 7617 §2: the first colon ends the user name. */
export const BASIC: Declaration<BasicCredentials> = declareOptions<BasicCredentials>('auth', {
  username: required(
    custom(
      'a string without a colon',
      (value) => typeof value === 'string' && !value.includes(':'),
    ),
  ),
  password: required(anyText()),
});

/** RFC 6750 §2.1. Checked here, because an HTTP library's "invalid header" message may print the value. */
function bearer(token: unknown): string {
  if (typeof token === 'string' && /^(bearer|basic|token) /i.test(token)) {
    invalidArgument(
      "auth: the token is given with its scheme before it, as in 'Bearer ...'",
      "Give the token alone, without 'Bearer '. For HTTP Basic give { username, password }; for another scheme, an `authorization` among `headers`.",
    );
  }
  if (typeof token === 'string' && /^\s|\s$/.test(token)) {
    invalidArgument(
      'auth: the bearer token begins or ends with white space',
      'Trim it: files and commands that print a secret end it with a line break.',
    );
  }
  if (typeof token !== 'string' || !/^[A-Za-z0-9\-._~+/]+=*$/.test(token)) {
    invalidArgument(
      'auth: the bearer token is empty or has characters that RFC 6750 does not allow',
    );
  }
  return `Bearer ${token}`;
}
