import { BlockList, isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { invalidArgument } from '../assert.js';
import {
  anyText,
  custom,
  type Declaration,
  declareOptions,
  given,
  type Kind,
  nested,
  readOptions,
  refuse,
  required,
} from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { sourcedOf } from '../trust/sourced.js';
import { TRUST } from '../trust/trust-options.js';
import type { TrustInput } from '../trust/trust-policy.js';
import { readProxyUrl } from './proxy-url.js';
import { sharedSecureContext } from './shared-context.js';

/**
 * An HTTP proxy to tunnel through (CONNECT, RFC 9110 §9.3.6). TLS with the server is made and verified
 * inside the tunnel, as always: the proxy sees the server's host and port, and no more.
 *
 * A URL (`http://proxy:3128`, `https://user:password@proxy:443`), the same with options, `'env'` for
 * `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY` as they are now (lower case first), or `false` for none: the default.
 * In a URL a user name and password are percent-encoded; `auth` takes them as they are. SOCKS is not supported.
 */
export type ProxyInput = string | URL | ProxyOptions | 'env' | false;

/** A proxy with what a URL cannot say. */
export interface ProxyOptions {
  /** `http:` or `https:`, with host and port only: no path, query or fragment. */
  url: string | URL;
  /** Trust in an https proxy itself. Left out: the default roots; `undefined` is refused. */
  trust?: TrustInput;
  /** Basic authentication; wins over the URL's. */
  auth?: ProxyCredentials;
}

/** Basic authentication with a proxy (RFC 7617). */
export interface ProxyCredentials {
  /** As it is, not percent-encoded. No colon (RFC 7617). */
  username: string;
  /** As it is, not percent-encoded. */
  password: string;
}

const CREDENTIALS: Declaration<ProxyCredentials> = declareOptions<ProxyCredentials>('proxy.auth', {
  username: required(
    custom(
      'a string without a colon',
      (value) => typeof value === 'string' && !value.includes(':'),
    ),
  ),
  password: required(anyText()),
});

const PROXY_OPTIONS: Declaration<ProxyOptions> = declareOptions<ProxyOptions>('proxy', {
  url: required(custom('a URL', isUrl)),
  trust: given(TRUST),
  auth: given(nested(CREDENTIALS)),
});

const MUST_BE = "a URL, { url, trust, auth }, 'env' or false";

/** What the option `proxy` must be. */
export const PROXY: Kind<ProxyInput> = {
  must: MUST_BE,
  whenUndefined: 'absent',
  read(value, whose, around) {
    if (value === false || isUrl(value)) return value as ProxyInput;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return refuse(whose, MUST_BE, value);
    }
    return readOptions(PROXY_OPTIONS, value, whose, around);
  },
  inside: PROXY_OPTIONS as never,
};

function isUrl(value: unknown): boolean {
  return (typeof value === 'string' && value !== '') || value instanceof URL;
}

/** One proxy, validated. Printing it shows no password: the header is made when it is sent. */
export interface ProxyServer {
  readonly host: string;
  readonly port: number;
  /** Of an https proxy: whom to trust there, with a secure context that is made once. */
  readonly secure:
    | { readonly policy: CheckedTrustPolicy; readonly secureContext: SecureContext }
    | undefined;
  readonly authorization: () => string | undefined;
}

/** Which proxy leads to a server, if any. */
export type ProxyFor = (host: string, port: number) => ProxyServer | undefined;

/** Validates `input` once. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readProxy(input: ProxyInput | undefined): ProxyFor {
  if (input === undefined || input === false) return () => undefined;
  if (input !== 'env') {
    const proxy = readProxyOptions(input, 'proxy');
    return () => proxy;
  }
  const variable = proxyVariable();
  if (variable === undefined) return () => undefined;
  const proxy = readProxyOptions(process.env[variable] as string, variable);
  const exempt = readNoProxy(process.env['no_proxy'] || process.env['NO_PROXY'] || '');
  return (host, port) => (exempt(host, port) ? undefined : proxy);
}

function readProxyOptions(input: string | URL | ProxyOptions, whose: string): ProxyServer {
  const options: ProxyOptions =
    typeof input === 'string' || input instanceof URL ? { url: input } : input;
  const { isSecure, host, port, ...inUrl } = readProxyUrl(options.url, whose);
  if (!isSecure && options.trust !== undefined)
    invalidArgument('proxy.trust needs an https: proxy');
  const { username, password } = options.auth ?? inUrl;
  const anonymous = username === '' && password === '';
  const policy = isSecure ? checkTrustPolicy(options.trust ?? null, 'proxy.trust') : undefined;
  if (policy !== undefined && sourcedOf(policy) !== undefined) {
    invalidArgument(
      'proxy.trust names a file or a function, and the trust of a proxy is not followed',
      'Read it, give what it holds, and make the factory or transport anew when it changes.',
    );
  }
  const secure = policy && { policy, secureContext: sharedSecureContext(policy) };
  return Object.freeze({
    ...{ host, port },
    secure,
    authorization: () =>
      anonymous ? undefined : `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`,
  });
}

/** As curl reads them; one that is set and empty says that there is none of the next. */
function proxyVariable(): string | undefined {
  const named = ['https_proxy', 'HTTPS_PROXY'];
  const present = named.find((name) => process.env[name]);
  if (present !== undefined || named.some((name) => process.env[name] !== undefined))
    return present;
  return ['all_proxy', 'ALL_PROXY'].find((name) => process.env[name]);
}

/**
 * Reads NO_PROXY: a list, by commas or blanks, of `*`, names (which cover what is below them, with or
 * without a leading dot), addresses and address ranges, each with an optional port.
 */
function readNoProxy(list: string): (host: string, port: number) => boolean {
  const entries = list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .map(readEntry);
  return (host, port) =>
    entries.some(
      (entry) => (entry.port === undefined || entry.port === port) && entry.covers(host),
    );
}

interface NoProxyEntry {
  readonly port: number | undefined;
  covers(host: string): boolean;
}

function readEntry(entry: string): NoProxyEntry {
  const [, bracketed, bare, portText] =
    /^(?:\[(.+)\]|([^:]+|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
  const name = bracketed ?? bare ?? entry;
  const port = portText === undefined ? undefined : Number(portText);
  if (name === '*') return { port, covers: () => true };
  const [address = '', prefix, ...more] = name.split('/');
  const family = isIP(address);
  if (family !== 0) {
    const ranges = new BlockList();
    const type = family === 6 ? 'ipv6' : 'ipv4';
    const all = family === 6 ? 128 : 32;
    const bits = Number(prefix ?? all);
    // `Number('')` is 0: all addresses there are.
    const isNumber = prefix === undefined || /^\d{1,3}$/.test(prefix);
    if (more.length > 0 || !isNumber || bits > all) {
      invalidArgument(`NO_PROXY: '${entry}' is not a range of addresses`);
    }
    ranges.addSubnet(address, bits, type);
    return { port, covers: (host) => isIP(host) === family && ranges.check(host, type) };
  }
  const suffix = name.replace(/^\*?\.?/, '.');
  return { port, covers: (host) => `.${host.toLowerCase()}`.endsWith(suffix) };
}
