import {
  type AuthorizationAnswer,
  readAuthorizationAnswer,
  responseOf,
} from './authorization-answer.js';

/** For how long an answer is good for those who read the old refresh token before the new one was stored. */
const KEPT_MS = 10_000;

/** Calls that meet one expiry ask for a kept answer within so long. */
const AGAIN_MS = 1_000;

/**
 * Gets each answer, once for all who waited for it.
 *
 * @param isFirst not of one that was kept, and is asked for again
 */
type Answered = (answer: AuthorizationAnswer, isFirst: boolean) => void;

interface Kept {
  readonly answer: Promise<AuthorizationAnswer>;
  /** Since it came, or was counted again. */
  keptAt?: number;
}

/** Fields that differ each time, and ask for the same. */
const ONCE_ONLY = ['client_assertion'];

/**
 * The token requests of one transport, each sent once. The SDKs refresh the token for each call that finds it
 * expired: of three calls, two would use a refresh token for the second time, upon which an authorization
 * server revokes all that came of it (RFC 9700 §4.14.2).
 *
 * - Of requests that ask for the same, one is under way at a time, and all get its answer.
 * - An answer that brought another refresh token is kept for {@link KEPT_MS}: the old one is used up, and
 *   whoever still asks with it has read it before. Nothing else is kept.
 */
export class TokenRequests {
  readonly #answers = new Map<string, Kept>();

  async request(
    url: URL,
    init: RequestInit | undefined,
    send: () => Promise<Response>,
    answered: Answered,
  ): Promise<Response> {
    const key = keyOf(url, init);
    const ask = async (): Promise<AuthorizationAnswer> => {
      const answer = await readAuthorizationAnswer(await send(), url, init);
      answered(answer, true);
      return answer;
    };
    if (key === undefined) return responseOf(await ask());
    const known = this.#answers.get(key);
    if (known !== undefined && known.keptAt !== undefined) await this.#again(known, answered);
    const { answer } = known ?? this.#begin(key, init, ask);
    return responseOf(await answer);
  }

  /** Who comes back with the old token, time after time, has a server that accepts none: that is counted. */
  async #again(kept: Kept, answered: Answered): Promise<void> {
    const now = performance.now();
    if (now - (kept.keptAt ?? now) < AGAIN_MS) return;
    kept.keptAt = now;
    answered(await kept.answer, false);
  }

  #begin(
    key: string,
    init: RequestInit | undefined,
    ask: () => Promise<AuthorizationAnswer>,
  ): Kept {
    const forget = (): void => void this.#answers.delete(key);
    const asking: Kept = { answer: ask() };
    this.#answers.set(key, asking);
    asking.answer.then((answer) => {
      if (!usesUp(init, answer)) return forget();
      asking.keptAt = performance.now();
      setTimeout(forget, KEPT_MS).unref();
    }, forget);
    return asking;
  }
}

/** What a request asks for, and of whom. `undefined` for what has to be sent for itself. */
function keyOf(url: URL, init: RequestInit | undefined): string | undefined {
  const { body, signal } = init ?? {};
  const headers = new Headers(init?.headers);
  // A proof of a key is for one request (RFC 9449 §4.2); a signal is one caller's.
  if (!(body instanceof URLSearchParams) || headers.has('dpop') || signal) return undefined;
  const fields = new URLSearchParams(body);
  for (const name of ONCE_ONLY) fields.delete(name);
  fields.sort();
  return JSON.stringify([url.href, String(fields), headers.get('authorization')]);
}

/** Whether the refresh token of the request is of no use any more. */
function usesUp(init: RequestInit | undefined, { status, text }: AuthorizationAnswer): boolean {
  const { body } = init ?? {};
  const before = body instanceof URLSearchParams ? body.get('refresh_token') : null;
  if (before === null || status >= 300) return false;
  const after: unknown = (JSON.parse(text) as { refresh_token?: unknown }).refresh_token;
  return typeof after === 'string' && after !== before;
}
