import { splitWellKnown } from './addresses.js';
import { isPlainPath } from './plain-path.js';

/** What a path of the server is, to the bridge. */
export type PathKind =
  /** The MCP endpoint, and what is below it. */
  | 'mcp'
  /** Where a client of HTTP with SSE sends its messages, as an open stream says. */
  | 'messages'
  /** A document about the resource or its authorization server. */
  | 'metadata'
  /** An endpoint of the authorization server that programs ask, as a document says. */
  | 'oauth'
  /** The one that a person is sent to. */
  | 'authorize';

/** As many as any authorization server has. */
const MAX_NAMED = 100;

/**
 * Which paths of the server the bridge carries: its MCP endpoint, the documents of OAuth at their well-known
 * places, and what the server itself has named over this bridge. Nothing else of the server is reached.
 */
export class Paths {
  /** Of the MCP endpoint. */
  readonly #endpoint: string;
  /** Named by documents. Stays: a token is renewed days after a document was read. */
  readonly #named = new Map<string, PathKind>();
  /** Paths of issuers that documents named. */
  readonly #issuers = new Set<string>();
  /** Named by streams of SSE, with how many that are open now. */
  readonly #messages = new Map<string, number>();

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  kindOf(path: string): PathKind | undefined {
    if (this.#messages.has(path)) return 'messages';
    const named = this.#named.get(path);
    if (named !== undefined) return named;
    if (this.#isDocument(path)) return 'metadata';
    const below = this.#endpoint.endsWith('/') ? this.#endpoint : `${this.#endpoint}/`;
    return path === this.#endpoint || path.startsWith(below) ? 'mcp' : undefined;
  }

  /** The endpoint itself, which has the query of the configured URL. */
  isEndpoint(path: string): boolean {
    return path === this.#endpoint;
  }

  name(path: string, kind: PathKind): void {
    if (path === this.#endpoint || !isPlainPath(path)) return;
    if (this.#named.size < MAX_NAMED) this.#named.set(path, kind);
  }

  /** Its documents may be behind its path from now on. */
  nameIssuer(path: string): void {
    if (this.#issuers.size < MAX_NAMED) this.#issuers.add(path.replace(/\/$/, ''));
  }

  /** Where RFC 8414 and RFC 9728 have it, or OpenID Connect Discovery: behind the path of an issuer. */
  #isDocument(path: string): boolean {
    if (splitWellKnown(path)[0] !== '') return true;
    const issuer = BEHIND_ISSUER.exec(path)?.[1];
    return issuer !== undefined && this.#issuers.has(issuer);
  }

  /** @returns what to call when the stream has ended */
  openMessages(path: string): () => void {
    if (path === this.#endpoint) return () => {};
    this.#messages.set(path, (this.#messages.get(path) ?? 0) + 1);
    return () => {
      const left = (this.#messages.get(path) ?? 1) - 1;
      if (left === 0) this.#messages.delete(path);
      else this.#messages.set(path, left);
    };
  }
}

const BEHIND_ISSUER = /^(.+)\/\.well-known\/(?:oauth-authorization-server|openid-configuration)$/;

/** Whether a document of an issuer could be at this path. */
export function isBehindIssuer(path: string): boolean {
  return BEHIND_ISSUER.test(path);
}
