import { assertKnownKeys, invalidArgument } from '../assert.js';

/**
 * Who we are to the server: a bearer token, a user name and password (HTTP Basic, RFC 7617), or a
 * function that is asked before every request and gives a token or `undefined`.
 */
export type AuthInput =
  | string
  | { readonly username: string; readonly password: string }
  | (() => string | undefined | Promise<string | undefined>);

/** Gives the value of the Authorization header. */
export type Authorization = () => string | undefined | Promise<string | undefined>;

/**
 * Validates `auth` once. No message repeats any of it.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readAuthorization(auth: AuthInput): Authorization {
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
  assertKnownKeys('auth', auth, ['username', 'password']);
  const { username, password } = auth;
  if (typeof username !== 'string' || typeof password !== 'string') {
    invalidArgument('auth.username and auth.password must be strings');
  }
  // RFC 7617 §2: the first colon ends the user name.
  if (username.includes(':')) invalidArgument('auth.username must not contain a colon');
  const value = `Basic ${Buffer.from(`${username}:${password}`, 'utf8').toString('base64')}`;
  return () => value;
}

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
