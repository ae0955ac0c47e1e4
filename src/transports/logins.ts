import { digestOf } from '../client/digest.js';

/** Token endpoints that may see a code: by their origin, or whole. */
export type Endpoints = ReadonlySet<string>;

/** A server names one. What names many is not to fill the memory. */
export const MAX_KEPT = 64;

/**
 * The logins that people were sent to for an OAuth provider, each with the token endpoints that may see its code.
 *
 * - A login is known by its code challenge, and the code of it by the verifier that it is sent with: nothing that
 *   happens between them changes where it may go, and nothing but {@link MAX_KEPT} newer ones forgets it.
 */
export class Logins {
  /** Token endpoints, by the authorization endpoint that stands beside them in the document read last. */
  readonly #documents = new Map<string, { readonly token: string; readonly isOwn: boolean }>();
  /** By code challenge. */
  readonly #pending = new Map<string, Endpoints>();

  /**
   * Reads metadata of an authorization server. What stands at the origin of the login itself is believed rather than
   * what another origin says of that login.
   *
   * @param from where it was read
   * @returns its token endpoint
   */
  read(from: URL, document: Readonly<Record<string, unknown>>): string | undefined {
    const { authorization_endpoint: login, token_endpoint: token } = document;
    if (typeof token !== 'string' || !URL.canParse(token)) return undefined;
    const { href } = new URL(token);
    if (typeof login !== 'string' || !URL.canParse(login)) return href;
    const key = withoutQuery(new URL(login));
    const isOwn = new URL(login).origin === from.origin;
    if (this.#documents.get(key)?.isOwn && !isOwn) return href;
    if (this.#documents.size >= MAX_KEPT) this.#documents.clear();
    this.#documents.set(key, { token: href, isOwn });
    return href;
  }

  /** A person is sent to this login. @returns where its code may go */
  sentTo(login: URL): Endpoints {
    const beside = this.#documents.get(withoutQuery(login));
    const may = new Set([login.origin, ...(beside === undefined ? [] : [beside.token])]);
    const challenge = login.searchParams.get('code_challenge');
    if (challenge !== null) {
      if (this.#pending.size >= MAX_KEPT && !this.#pending.has(challenge)) {
        this.#pending.delete(this.#pending.keys().next().value as string);
      }
      this.#pending.set(challenge, may);
    }
    return may;
  }

  /** Where the code of this token request may go; `undefined` where its login is not known. */
  of({ body }: RequestInit = {}): Endpoints | undefined {
    const verifier = body instanceof URLSearchParams ? body.get('code_verifier') : null;
    if (verifier === null) return undefined;
    const digest = Buffer.from(digestOf(verifier), 'base64').toString('base64url');
    // The SDKs offer no other method than S256; with `plain` the challenge is the verifier.
    return this.#pending.get(digest) ?? this.#pending.get(verifier);
  }
}

/** SDKs add to the query of an authorization endpoint. */
function withoutQuery({ origin, pathname }: URL): string {
  return `${origin}${pathname}`;
}

export function hasCode(init: RequestInit | undefined): boolean {
  return init?.body instanceof URLSearchParams && init.body.has('code');
}
