import { toFetchError } from './fetch-error.js';

/**
 * `timeout.totalMs` of one request, from its start to the end of its answer, redirects included. Its signal
 * ends whatever is under way then.
 *
 * The timer runs between {@link begin} and {@link end} only; the time goes on meanwhile.
 */
export class TotalLimit {
  readonly #controller = new AbortController();
  readonly #ms: number;
  readonly #until: number;
  #url: URL;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, now: number, url: URL) {
    this.#ms = ms;
    this.#until = now + ms;
    this.#url = url;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Counts, for a request to `url`. */
  begin(now: number, url: URL): void {
    this.#url = url;
    this.end();
    this.#timer = setTimeout(this.#expire, Math.max(0, this.#until - now));
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  readonly #expire = (): void => {
    const message = `the request was not complete after ${this.#ms} ms`;
    const error = Object.assign(new Error(message), { code: 'UND_ERR_BODY_TIMEOUT' });
    this.#controller.abort(toFetchError(error, this.#url));
  };
}

/** One that begins now, to `url`. `undefined` where `ms` is 0: there is none. */
export function totalLimit(ms: number, url: URL): TotalLimit | undefined {
  return ms === 0 ? undefined : new TotalLimit(ms, performance.now(), url);
}
