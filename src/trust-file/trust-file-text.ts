import { invalidArgument } from '../assert.js';
import { parseTrust } from '../connect/parse-trust.js';
import { readHttpsUrl } from '../connect/read-url.js';
import {
  custom,
  type Declaration,
  declareOptions,
  isOptionsObject,
  oneOf,
  passedOn,
  readOptions,
  required,
  text,
} from '../options.js';
import type { TrustPolicy } from '../trust/trust-policy.js';
import { hasRepeatedName } from './repeated-name.js';

/** One server of a trust file. */
export interface TrustFileServer {
  /** What the operator calls it. */
  readonly name: string;
  readonly url: string;
  /** Of `url`: what trust is looked up by. */
  readonly origin: string;
  /** Whom to trust there; `null`: the default roots. It may hold a private key. */
  readonly trust: TrustPolicy | null;
}

/** As it stands in the file. */
export interface RawServer {
  readonly url: string;
  /** What `parseTrust` reads. */
  readonly tls: unknown;
}

/** As it stands in the file. */
export interface RawTrustFile {
  readonly version: 1;
  readonly servers: Readonly<Record<string, RawServer>>;
}

const FILE: Declaration<RawTrustFile> = declareOptions<RawTrustFile>('trust file', {
  version: required(oneOf(1)),
  servers: required(
    custom<RawTrustFile['servers']>('an object of servers, each by its name', isOptionsObject),
  ),
});

const SERVER: Declaration<RawServer> = declareOptions<RawServer>('trust file: server', {
  url: required(text('the https: URL of the server')),
  tls: required(passedOn<unknown>('what to trust there, or null for the default roots')),
});

/** Longer than anybody types, and shorter than a line. */
export const MAX_NAME_CHARS = 128;

/** The JSON of a trust file, of which nothing but the frame is checked. */
export function readFrame(content: string): RawTrustFile {
  const json = parseJson(content);
  const { servers } = readOptions(FILE, json);
  // From the file itself: of a copy `__proto__` would not be a field.
  return { version: 1, servers };
}

/**
 * Every server of a trust file, checked by what checks every policy.
 *
 * @param folder that paths in it are relative to
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function readServers(frame: RawTrustFile, folder: string): readonly TrustFileServer[] {
  const byOrigin = new Map<string, { readonly name: string; readonly tls: string }>();
  return Object.entries(frame.servers).map(([name, given]) => {
    assertName(name);
    const whose = `servers.${name}`;
    const { url, tls } = readOptions(SERVER, given, whose);
    const { origin } = readServerUrl(`${whose}.url`, url);
    const trust = parseTrust(tls, { base: folder, name: `${whose}.tls` });
    const written = JSON.stringify(tls);
    const other = byOrigin.get(origin);
    if (other !== undefined && other.tls !== written) {
      invalidArgument(
        `${whose} and servers.${other.name} have the same origin and different tls`,
        'A policy belongs to an origin: write the same for both.',
      );
    }
    byOrigin.set(origin, { name, tls: written });
    return Object.freeze({ name, url, origin, trust });
  });
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what cannot be the name of a server */
function assertName(name: string): void {
  if (name === '' || name.length > MAX_NAME_CHARS || /[\p{C}\p{Zl}\p{Zp}]/u.test(name)) {
    invalidArgument(
      `the name of a server must be a text of 1 to ${MAX_NAME_CHARS} characters that can be printed`,
    );
  }
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, also for a URL with a password in it */
export function readServerUrl(what: string, input: string): URL {
  const url = readHttpsUrl(what, input);
  if (url.username !== '' || url.password !== '') {
    invalidArgument(`${what}: must have no user name and no password in it`);
  }
  return url;
}

/** The parser's own message is not shown: it holds what stands around the mistake, which may be a key. */
function parseJson(content: string): unknown {
  // Editors of Windows begin a file with it.
  const json = content.replace(/^\u{feff}/u, '');
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    const at = /at position (\d+)/.exec((error as Error).message)?.[1];
    const line = at === undefined ? '' : `, line ${json.slice(0, Number(at)).split('\n').length}`;
    return invalidArgument(`trust file: it is not JSON${line}`);
  }
  if (hasRepeatedName(json)) {
    invalidArgument(
      'trust file: a field stands twice in one object',
      'Other programs may read the other one: leave one.',
    );
  }
  return value;
}
