import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsConnectionError } from '../errors.js';

/** Tokens in a row that a server may refuse, each got for it because it refused the one before. */
const IN_A_ROW = 3;
/** Of one kind of request, within so long. */
const ROW_MS = 60_000;
/** Tokens that are got without a pause. */
const AT_ONCE = 10;
/** Then one in so many milliseconds. */
const EVERY_MS = 6_000;

interface Row {
  /** The last token of the row. */
  token: number;
  refused: number;
  at: number;
}

/**
 * What a server may have its client do by 401 and 403. SDK v1 gets a new token for each, without a count: a
 * server that wants another audience for one kind of request, or another scope each time, has its
 * authorization server asked hundreds of times a second, in the client's name.
 *
 * - Tokens are numbered as they are got. A refusal counts if it is of a request that began after the token
 *   that the row has counted last: those of requests that were under way meanwhile say nothing of it.
 * - An accepted request ends the row of its method. The pace of tokens goes on.
 */
export class AuthorizationBudget {
  readonly #server: URL;
  /** Tokens got so far. */
  #tokens = 0;
  /** Those of them that the time since has not made free. */
  #spent = 0;
  #spentAt = 0;
  readonly #rows = new Map<string, Row>();

  constructor(server: URL) {
    this.#server = server;
  }

  /** The number of the last token, for a request that begins. */
  get token(): number {
    return this.#tokens;
  }

  /** A token was got. */
  granted(now: number): void {
    this.#tokens++;
    this.#spent = this.#spentNow(now) + 1;
    this.#spentAt = now;
  }

  accepted(method: string): void {
    // Nothing is to be counted where no token was ever got.
    if (this.#tokens > 0) this.#rows.set(method, { token: this.#tokens, refused: 0, at: 0 });
  }

  /**
   * Counts a refusal.
   *
   * @param token that there was when the request began
   * @returns why no other token is to be got, if none is
   */
  refused(method: string, status: number, token: number, now: number): Error | undefined {
    const row = this.#rowOf(method, now);
    if (token > row.token) {
      row.refused++;
      row.token = token;
      row.at = now;
    }
    if (row.refused >= IN_A_ROW) {
      return this.#error(
        status,
        `refuses each access token that it is shown, ${IN_A_ROW} in a row`,
      );
    }
    if (this.#spentNow(now) <= AT_ONCE) return undefined;
    return this.#error(
      status,
      'accepts no access token for long, and has its client get a new one',
    );
  }

  #rowOf(method: string, now: number): Row {
    const present = this.#rows.get(method);
    if (present !== undefined && (present.refused === 0 || now - present.at < ROW_MS)) {
      return present;
    }
    const made = { token: present?.token ?? 0, refused: 0, at: now };
    this.#rows.set(method, made);
    return made;
  }

  #spentNow(now: number): number {
    return Math.max(0, this.#spent - (now - this.#spentAt) / EVERY_MS);
  }

  #error(status: number, what: string): Error {
    const { host, port } = addressOf(this.#server);
    const message = `${atHost(host, port)}: ${what} (HTTP ${status})`;
    const hint =
      'Its authorization server gives tokens that it does not take: ask its operator for audience and scope. Nothing is asked again by itself.';
    return new TlsConnectionError('MCP_TLS_UNAUTHORIZED', message, {
      host,
      port,
      hint,
    });
  }
}
