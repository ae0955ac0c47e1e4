/** The prefixes of RFC 8414 and RFC 9728, and what OpenID Connect Discovery has. */
const WELL_KNOWN =
  /^\/\.well-known\/(oauth-protected-resource|oauth-authorization-server|openid-configuration)(?=\/|$)/;

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
  /** Of the bridge, without a slash at the end. */
  readonly bridge: string;
  /** `/TOKEN`, or nothing. */
  readonly segment: string;

  constructor(upstream: string, bridge: string, segment: string) {
    this.upstream = upstream;
    this.bridge = bridge;
    this.segment = segment;
  }

  /** The bridge's address of one of the server's; `undefined` for another origin's, and for what is none. */
  toBridge(url: string): string | undefined {
    const rest = restOf(url, this.upstream);
    if (rest === undefined) return undefined;
    const known = WELL_KNOWN.exec(rest)?.[0];
    if (known === undefined) return `${this.bridge}${this.segment}${rest}`;
    return `${this.bridge}${known}${this.segment}${rest.slice(known.length)}`;
  }

  /** The server's address of one of the bridge's; any other text as it is. */
  toUpstream(url: string): string {
    const rest = restOf(url, `${this.bridge}${this.segment}`);
    return rest === undefined ? url : `${this.upstream}${rest}`;
  }
}

/** What follows the origin, in its canonical form. */
function restOf(url: string, base: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { href, username, password, origin } = new URL(url);
  if (username !== '' || password !== '' || !base.startsWith(origin)) return undefined;
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
