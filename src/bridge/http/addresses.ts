import { hostsOf } from './loopback.js';

/** The prefixes of RFC 8414 and RFC 9728, and what OpenID Connect Discovery has. */
const WELL_KNOWN =
  /^\/\.well-known\/(oauth-protected-resource|oauth-authorization-server|openid-configuration)(?=\/|$)/;

/** How a client reached the bridge. */
export interface Reached {
  /** Its Host header: a name of this machine, with the port. */
  readonly host: string;
  /** The port that the bridge listens on. */
  readonly port: number;
  readonly token: string;
  readonly tokenIsInPath: boolean;
}

/**
 * How addresses of the server and of the bridge belong together. The bridge has the server's paths below one
 * segment of its own, its token: `https://server/mcp` is `http://127.0.0.1:PORT/TOKEN/mcp`. Where a client sends
 * the token as a header instead, there is no such segment.
 *
 * Documents about a resource are found as RFC 9728 §3.1 builds their address, with the well-known part in front:
 * `/.well-known/oauth-protected-resource/TOKEN/mcp`.
 */
export class Addresses {
  /** Of the server: scheme, name and port. */
  readonly upstream: string;
  /** Of the bridge, by the name that the client used, without a slash at the end. */
  readonly bridge: string;
  /** `/TOKEN`, or nothing. */
  readonly segment: string;
  /** Of the bridge by all its names, with the token and without. The longer ones come first. */
  readonly #bases: readonly string[];

  constructor(upstream: string, { host, port, token, tokenIsInPath }: Reached) {
    this.upstream = upstream;
    this.bridge = `http://${host}`;
    this.segment = tokenIsInPath ? `/${token}` : '';
    const origins = hostsOf(port).map((one) => new URL(`http://${one}`).origin);
    this.#bases = [...origins.map((one) => `${one}/${token}`), ...origins];
  }

  /** The bridge's address of one of the server's; `undefined` for another origin's, and for what is none. */
  toBridge(url: string): string | undefined {
    const rest = restOf(url, this.upstream);
    if (rest === undefined) return undefined;
    const known = WELL_KNOWN.exec(rest)?.[0];
    if (known === undefined) return `${this.bridge}${this.segment}${rest}`;
    return `${this.bridge}${known}${this.segment}${rest.slice(known.length)}`;
  }

  /** The server's address of one of the bridge's, by whatever name; any other text as it is. */
  toUpstream(url: string): string {
    for (const base of this.#bases) {
      const rest = restOf(url, base);
      if (rest !== undefined) return `${this.upstream}${rest}`;
    }
    return url;
  }
}

/** What follows the origin, in its canonical form. */
function restOf(url: string, base: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { href, username, password, origin } = new URL(url);
  if (username !== '' || password !== '' || new URL(base).origin !== origin) return undefined;
  const after = base.slice(origin.length);
  const rest = href.slice(origin.length);
  if (!rest.startsWith(after)) return undefined;
  const left = rest.slice(after.length);
  if (left !== '' && !/^[/?#]/.test(left)) return undefined;
  // The parser adds a slash to an origin; an issuer or a resource without one stays without.
  return left === '/' && !url.endsWith('/') ? '' : left;
}

/** A well-known prefix in front of the path, and what it is about. */
export function splitWellKnown(path: string): readonly [known: string, rest: string] {
  const known = WELL_KNOWN.exec(path)?.[0] ?? '';
  return [known, path.slice(known.length)];
}
