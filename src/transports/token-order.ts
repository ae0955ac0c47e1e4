import { digestOf } from '../client/digest.js';

/** Answers that are under way to a store. What brings many is not to fill the memory. */
const MAX_KEPT = 64;

/** What distinguishes the tokens of one answer from those of another. */
interface Tokens {
  readonly access_token?: unknown;
  readonly refresh_token?: unknown;
}

/**
 * Has the tokens of a provider stored in the order of the requests that brought them. All calls that waited for one
 * answer save it, each in its time: one that comes late would put back a refresh token that is used up, and its
 * second use has the login revoked (RFC 9700 §4.14.2).
 *
 * - An answer is saved once. One that is older than what was saved is dropped. A save that fails is no save: the next
 *   call that has the same answer tries again.
 * - Saves follow one another: a slow one of older tokens ends before the one of newer tokens begins.
 * - Each authorization server has an order of its own. What neither came by a request of ours nor
 *   was the provider's is passed on.
 */
export class TokenOrder {
  #begun = 0;
  /** Of the requests, by what they brought. */
  readonly #orders = new Map<string, number>();
  /** By issuer. */
  readonly #saved = new Map<unknown, number>();
  #turn: Promise<unknown> = Promise.resolve();

  /** A token request begins. @returns its place */
  begin(): number {
    return ++this.#begun;
  }

  /**
   * A token request was answered.
   *
   * @param sent the refresh token of the request: the SDKs store it again where the answer has none
   */
  came(order: number, { access_token, refresh_token }: Tokens, sent: unknown): void {
    this.#keep(keyOf({ access_token, refresh_token: refresh_token ?? sent }), order);
  }

  /** The provider has these: SDK v2 saves them again, with the name of their issuer. */
  had(tokens: Tokens): void {
    const key = keyOf(tokens);
    if (!this.#orders.has(key)) this.#keep(key, this.#begun);
  }

  /** Saves the tokens, unless they or newer ones are saved. @throws whatever `save` throws */
  save(tokens: Tokens, issuer: unknown, save: () => unknown): unknown {
    const order = this.#orders.get(keyOf(tokens));
    if (order === undefined) return save();
    const saving = this.#turn.then(async () => {
      if (order <= (this.#saved.get(issuer) ?? -1)) return;
      await save();
      if (this.#saved.size >= MAX_KEPT) this.#saved.clear();
      this.#saved.set(issuer, order);
    });
    this.#turn = saving.catch(() => {});
    return saving;
  }

  #keep(key: string, order: number): void {
    this.#orders.delete(key);
    if (this.#orders.size >= MAX_KEPT) {
      this.#orders.delete(this.#orders.keys().next().value as string);
    }
    this.#orders.set(key, order);
  }
}

function keyOf({ access_token, refresh_token }: Tokens): string {
  return digestOf(JSON.stringify([access_token, refresh_token]));
}
