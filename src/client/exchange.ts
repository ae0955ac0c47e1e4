import { setMaxListeners } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import type { Client, Dispatcher } from 'undici';
import type { Connections } from './connections.js';
import type { RequestBody } from './read-request.js';
import type { HeaderList } from './request-headers.js';
import { makeResponseBody, type ResponseBody } from './response-body.js';
import type { Timeouts } from './timeouts.js';

/** One request and what bounds it. */
export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: HeaderList;
  readonly body: RequestBody | null;
  readonly timeouts: Timeouts;
  /** Any of these ends it with its own reason, also while the body is read. */
  readonly signals: readonly AbortSignal[];
  /** Where it is listed from its start to its end. */
  readonly running: Running;
  /** Makes what the caller sees of an error of the connection, before the answer or within it. */
  readonly mapError: (error: unknown) => unknown;
}

/** The exchanges of a client that have not ended, and why no more may begin. */
export interface Running {
  readonly exchanges: Set<{ abort(reason: unknown): void }>;
  closed: Error | undefined;
}

/** The head of an answer, and its body (`null` where there can be none). */
export interface Answer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: ResponseBody | null;
}

/**
 * Sends one request and gives its answer as soon as the head is there. Follows nothing.
 *
 * Listeners on the signals live exactly as long as the exchange: until the body has ended, failed
 * or been cancelled.
 */
export function exchange(connections: Connections, request: ExchangeRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    new Exchange(connections, request, resolve, reject).start();
  });
}

/** Fetch Standard §2.2.3: answers with these have no body, whatever the server sends. */
const NULL_BODY = new Set([204, 205, 304]);

const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** How an established connection breaks. */
const BROKEN = new Set(['UND_ERR_SOCKET', 'ECONNRESET', 'EPIPE']);

class Exchange implements Dispatcher.DispatchHandler {
  readonly #connections: Connections;
  readonly #request: ExchangeRequest;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (reason: unknown) => void;
  #connection: Client | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #body: ResponseBody | undefined;
  #bodyTimer: NodeJS.Timeout | undefined;
  #answered = false;
  #repeated = false;
  #aborted: { readonly reason: unknown } | undefined;

  constructor(
    connections: Connections,
    request: ExchangeRequest,
    resolve: (answer: Answer) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#connections = connections;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(): void {
    const { signals, running } = this.#request;
    if (running.closed !== undefined) {
      this.#reject(running.closed);
      return;
    }
    for (const signal of signals) {
      if (signal.aborted) {
        this.abort(signal.reason);
        return;
      }
    }
    const connection = this.#connections.take();
    running.exchanges.add(this);
    for (const signal of signals) {
      listenWithoutLimit(signal);
      signal.addEventListener('abort', this.#onAbort);
    }
    this.#sendOver(connection);
  }

  #sendOver(connection: Client): void {
    const { url, method, headers, body, timeouts } = this.#request;
    this.#connection = connection;
    connection.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: method as Dispatcher.HttpMethod,
        headers: headers as string[],
        // undici takes any async iterable; its types say Readable.
        body: body as string | Uint8Array | null,
        headersTimeout: timeouts.headers,
        bodyTimeout: timeouts.idle,
      },
      this,
    );
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Aborted while it waited for a connection.
    if (this.#aborted) controller.abort(asError(this.#aborted.reason));
  }

  onRequestUpgrade(
    _controller: unknown,
    _status: number,
    _headers: unknown,
    socket: unknown,
  ): void {
    (socket as { destroy(): void }).destroy();
    this.#fail(new TypeError('the server switched protocols without being asked'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText = '',
  ): void {
    if (status < 200) return;
    this.#answered = true;
    const { method, timeouts } = this.#request;
    const bodiless = method === 'HEAD' || NULL_BODY.has(status);
    if (!bodiless) {
      this.#body = makeResponseBody(headers['content-encoding'], {
        pause: () => controller.pause(),
        resume: () => controller.resume(),
        cancel: (reason) => this.abort(reason ?? new DOMException('cancelled', 'AbortError')),
      });
      if (timeouts.body > 0) this.#bodyTimer = setTimeout(this.#onBodyTimeout, timeouts.body);
    }
    this.#resolve({ status, statusText, headers, body: this.#body ?? null });
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#body?.write(chunk);
  }

  onResponseEnd(): void {
    if (this.#connection !== undefined) this.#connections.giveBack(this.#connection);
    this.#connection = undefined;
    this.#release();
    this.#body?.end();
  }

  onResponseError(_controller: unknown, error: Error): void {
    if (this.#mayRepeat(error)) {
      this.#repeated = true;
      try {
        // Another idle one may be as dead as this one was.
        const connection = this.#connections.takeNew();
        this.#connections.discard(this.#connection as Client);
        this.#sendOver(connection);
        return;
      } catch {
        // Closed meanwhile: the error is what it was.
      }
    }
    this.#fail(this.#aborted ? this.#aborted.reason : this.#request.mapError(error));
  }

  /**
   * Whether the request was lost to a connection that the server was closing: it had been idle, it broke
   * before an answer began, and a repetition does no harm (RFC 9110 §9.2.2, RFC 9112 §9.3.1).
   */
  #mayRepeat(error: Error): boolean {
    const { method, body } = this.#request;
    if (this.#repeated || this.#aborted || this.#answered || this.#connection === undefined) {
      return false;
    }
    const again = body === null || typeof body === 'string' || body instanceof Uint8Array;
    const { code = '' } = error as NodeJS.ErrnoException;
    return (
      again &&
      IDEMPOTENT.has(method) &&
      BROKEN.has(code) &&
      this.#connections.wasUsed(this.#connection)
    );
  }

  readonly #onAbort = (event: Event): void => {
    this.abort((event.target as AbortSignal).reason);
  };

  readonly #onBodyTimeout = (): void => {
    const { mapError, timeouts } = this.#request;
    const error = new Error(`the body was not complete after ${timeouts.body} ms`);
    this.abort(mapError(Object.assign(error, { code: 'UND_ERR_BODY_TIMEOUT' })));
  };

  abort(reason: unknown): void {
    if (this.#aborted) return;
    this.#aborted = { reason };
    this.#controller?.abort(asError(reason));
    this.#fail(reason);
  }

  #fail(reason: unknown): void {
    if (this.#connection !== undefined) this.#connections.discard(this.#connection);
    this.#connection = undefined;
    this.#release();
    this.#reject(reason);
    this.#body?.fail(reason);
  }

  #release(): void {
    clearTimeout(this.#bodyTimer);
    const { signals, running } = this.#request;
    running.exchanges.delete(this);
    for (const signal of signals) signal.removeEventListener('abort', this.#onAbort);
  }
}

/**
 * Every exchange of a transport listens to the one signal of its session. Node 20 calls more than ten
 * listeners a leak, and prints a warning; ours leave with their exchange.
 */
function listenWithoutLimit(signal: AbortSignal): void {
  // Not 0, which means the same: where it was set, getMaxListeners of Node 20 throws, and so would
  // undici.fetch with the same signal.
  setMaxListeners(Number.POSITIVE_INFINITY, signal);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new DOMException('aborted', 'AbortError');
}
