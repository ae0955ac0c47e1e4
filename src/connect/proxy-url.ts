import { invalidArgument } from '../assert.js';
import { addressOf } from './address-of.js';

/** What the URL of a proxy says. */
export interface ProxyUrl {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  readonly username: string;
  readonly password: string;
}

const ENCODE =
  'In a user name or password write %25 for %, %2F for /, %23 for #, %3F for ?, %40 for @, %3A for a colon and %5C for a backslash; or give them as they are as proxy.auth: { username, password }.';

const FORM = 'Write http://proxy.example:3128, or https:// for a proxy that is reached over TLS.';

/**
 * Reads the URL of a proxy: scheme, host, port, and percent-encoded credentials. Whatever else is in it came there
 * from a password: `http://u:p#w@proxy` is the host `u` with the port `p`, and would be connected to.
 *
 * @param whose how messages call it: the option, or an environment variable
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, with nothing of the URL
 */
export function readProxyUrl(input: string | URL, whose: string): ProxyUrl {
  const url = parse(typeof input === 'string' ? input.trim() : input.href, whose);
  const username = decoded(url.username, whose);
  if (username.includes(':')) {
    invalidArgument(`${whose}: the user name in the URL must not contain a colon`);
  }
  return {
    ...addressOf(url),
    isSecure: url.protocol === 'https:',
    username,
    password: decoded(url.password, whose),
  };
}

/** By the text, since a parser makes something of nearly everything. */
function parse(text: string, whose: string): URL {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text) ?? [];
  if (scheme === undefined || rest === undefined) {
    return invalidArgument(`${whose} must begin with http:// or https://`, FORM);
  }
  assertScheme(`${scheme.toLowerCase()}:`, whose);
  // Parsers leave line breaks and tabs out.
  if (/\p{Cc}/u.test(rest)) {
    invalidArgument(`${whose}: a control character in the URL of a proxy`, ENCODE);
  }
  if (!/^[^/?#\\]+\/?$/.test(rest)) {
    invalidArgument(`${whose}: the URL of a proxy has no path, query or fragment`, ENCODE);
  }
  try {
    return new URL(text);
  } catch {
    return invalidArgument(`${whose} is not a URL`, `${FORM} ${ENCODE}`);
  }
}

function assertScheme(protocol: string, whose: string): void {
  if (protocol === 'http:' || protocol === 'https:') return;
  if (/^socks/.test(protocol)) {
    invalidArgument(
      `${whose} is a SOCKS proxy, and only HTTP proxies (CONNECT) are supported`,
      'Give the HTTP port of the same proxy, where it has one; or forward a local port through it, and connect to that with `lookup` and the name of the server.',
    );
  }
  invalidArgument(`${whose} must be an http: or https: URL`, FORM);
}

/** What a URL holds percent-encoded. */
function decoded(text: string, whose: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return invalidArgument(
      `${whose}: the user name or password in the URL is not percent-encoded`,
      ENCODE,
    );
  }
}
