import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import type { Place } from '../bag.js';
import { bodyLimit } from './body-limit.js';
import type { Connection, ConnectionsOfOne } from './connections.js';
import { makeResponseBody } from './decoded-body.js';
import type { Abortable, Answer, ExchangeRequest } from './exchange-request.js';
import { allInUse, badAnswer, bodyError, toFetchError } from './fetch-error.js';
import { brokenBy, type SocketUser, useSocket } from './guarded-socket.js';
import { InterimAnswers } from './interim-answers.js';
import { mayRepeat } from './may-repeat.js';
import { bodyToSend } from './request-body.js';
import { requestError } from './request-error.js';
import type { ResponseBody } from './response-body.js';
import { abortedOf, asError, failOnAbort, listen, unlisten } from './signals.js';
import { StreamBody } from './stream-body.js';
import { pathOf } from './url-text.js';

/**
 * Sends one request and gives its answer as soon as the head is there. Follows nothing.
 *
 * Listeners on the signals live exactly as long as the exchange: until the body has ended, failed
 * or been cancelled.
 */
export function exchange(connections: ConnectionsOfOne, request: ExchangeRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    new Exchange(connections, request, resolve, reject).start();
  });
}

/** Fetch Standard §2.2.3: answers with these have no body, whatever the server sends. */
const NULL_BODY = new Set([204, 205, 304]);

/**
 * One request under way.
 *
 * - The connection is given back or discarded once, and then forgotten.
 * - `#failure` is the first reason for which it ended early; whoever waits for the head, and the body,
 *   get that one.
 * - Listeners on the signals live until the body has ended on the wire, and, where it is piped, until
 *   the pipe is through. What is unread then is checked for an abort when it is read.
 */
class Exchange implements Dispatcher.DispatchHandler, SocketUser {
  readonly #connections: ConnectionsOfOne;
  readonly #request: ExchangeRequest;
  readonly #resolve: (answer: Answer) => void;
  readonly #reject: (reason: unknown) => void;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #sending: StreamBody | undefined;
  #body: ResponseBody | undefined;
  #interim: InterimAnswers | undefined;
  #endWait: (() => void) | undefined;
  #place: Place<Abortable> | undefined;
  #answered = false;
  /** Bytes of the body, as they were sent. */
  #received = 0;
  #repeated = false;
  #failure: { readonly reason: unknown } | undefined;

  constructor(
    connections: ConnectionsOfOne,
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
    if (running.closed !== undefined) return void this.#reject(running.closed);
    const aborted = abortedOf(signals);
    if (aborted !== undefined) return void this.#reject(aborted.reason);
    this.#place = running.exchanges.add(this);
    try {
      listen(signals, this.#onAbort);
    } catch (cause) {
      this.#fail(this.#errorOf(requestError('the signal cannot be listened to', cause)));
      return;
    }
    this.#begin();
  }

  /** Sends, or waits for its turn. */
  #begin(): void {
    try {
      const connection = this.#connections.take();
      if (connection !== undefined) this.#sendOver(connection);
      else this.#wait();
    } catch (error) {
      this.#fail(this.#errorOf(error));
    }
  }

  #wait(): void {
    const { timeouts, url } = this.#request;
    this.#endWait = this.#connections.wait(
      timeouts.connectMs,
      () => this.#begin(),
      () => this.abort(allInUse(url, timeouts.connectMs)),
    );
  }

  #sendOver(connection: Connection): void {
    const { url, origin, method, timeouts } = this.#request;
    this.#connection = connection;
    useSocket(connection, this);
    const { body, headers } = bodyToSend(this.#request);
    this.#sending = body instanceof StreamBody ? body : undefined;
    try {
      connection.dispatch(
        {
          origin,
          path: pathOf(url, origin),
          method: method as Dispatcher.HttpMethod,
          headers: headers as string[],
          // undici takes any async iterable; its types say Readable.
          body: body as string | Uint8Array | null,
          headersTimeout: timeouts.headersMs,
          bodyTimeout: timeouts.idleMs,
        },
        this,
      );
    } catch (error) {
      this.#fail(this.#errorOf(error));
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // Of an attempt that is repeated: its timer must not end this one.
    this.#interim?.end();
    this.#interim = new InterimAnswers(this.#request.timeouts.headersMs);
    // Aborted while it waited for a connection.
    if (this.#failure) controller.abort(asError(this.#failure.reason));
  }

  onRequestUpgrade(
    _controller: unknown,
    _status: number,
    _headers: unknown,
    socket: unknown,
  ): void {
    (socket as { destroy(): void }).destroy();
    this.#fail(badAnswer(this.#request.url, 'it switched protocols without being asked'));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
    statusText = '',
  ): void {
    if (this.#failure) return;
    this.#connection?.bytes.begin();
    if (status < 200) {
      if (this.#interim?.add(this.#onHeadTimeout)) {
        this.abort(badAnswer(this.#request.url, 'it sends interim answers (1xx) and no answer'));
      }
      return;
    }
    this.#answered = true;
    this.#interim?.end();
    const { method } = this.#request;
    if (method !== 'HEAD' && !NULL_BODY.has(status)) {
      try {
        this.#body = this.#makeBody(controller, headers);
      } catch {
        this.abort(badAnswer(this.#request.url, 'its body has too many content codings'));
        return;
      }
    }
    this.#resolve({ status, statusText, headers, body: this.#body ?? null });
  }

  #makeBody(controller: Dispatcher.DispatchController, headers: IncomingHttpHeaders): ResponseBody {
    const length = Number(headers['content-length']);
    return makeResponseBody({
      contentEncoding: headers['content-encoding'],
      source: {
        pause: () => {
          // What is here in full is not held back: the end of its connection might get in before its own.
          if (this.#received !== length) controller.pause();
        },
        resume: () => controller.resume(),
        cancel: (reason) => this.abort(reason ?? new DOMException('cancelled', 'AbortError')),
        aborted: () => abortedOf(this.#request.signals),
        listen: (body) => failOnAbort(body, this.#request.signals),
      },
      limit: bodyLimit(this.#request, headers['content-type']),
      decodingError: () =>
        badAnswer(this.#request.url, 'its body does not decode by its content-encoding'),
    });
  }

  onResponseData(_controller: unknown, chunk: Buffer): void {
    this.#connection?.bytes.add(chunk.length);
    this.#received += chunk.length;
    this.#body?.write(chunk);
  }

  onResponseEnd(): void {
    if (this.#failure) return;
    if (this.#connection !== undefined) this.#connections.giveBack(this.#connection);
    this.#connection = undefined;
    const body = this.#body;
    body?.end();
    this.#release();
    // Somewhere in a stream it waits: an abort still reaches it there.
    if (body?.holds) failOnAbort(body, this.#request.signals);
  }

  onSocketEnd(): void {
    if (this.#connection !== undefined) this.#controller?.resume();
  }

  onSocketFault(error: unknown): void {
    if (this.#connection !== undefined) this.#fail(this.#errorOf(error));
  }

  onResponseError(_controller: unknown, reported: Error): void {
    const error = brokenBy(reported);
    if (this.#mayRepeat(error)) {
      this.#repeated = true;
      try {
        // Another idle one may be as dead as this one was.
        const connection = this.#connections.takeNew();
        this.#connections.discard(this.#connection as Connection);
        this.#sendOver(connection);
        return;
      } catch {
        // Closed meanwhile: the error is what it was.
      }
    }
    this.#fail(this.#failure ? this.#failure.reason : this.#errorOf(error));
  }

  #errorOf(error: unknown): Error {
    const { failure } = this.#sending ?? {};
    const reason = failure === undefined ? error : bodyError(failure.reason);
    const ending = this.#connection && this.#connections.endingOf(this.#connection, this.#answered);
    return this.#request.closed() ?? toFetchError(reason, this.#request.url, ending);
  }

  /** Whether the request was lost to an idle connection that the server was closing. */
  #mayRepeat(error: Error): boolean {
    return (
      !(this.#repeated || this.#answered) &&
      this.#failure === undefined &&
      this.#sending?.failure === undefined &&
      this.#connection !== undefined &&
      this.#connections.wasUsed(this.#connection) &&
      mayRepeat(this.#request, error)
    );
  }

  readonly #onAbort = (): void => {
    const { reason } = abortedOf(this.#request.signals) ?? {};
    this.abort(reason);
  };

  readonly #onHeadTimeout = (): void => {
    const error = new Error(`no answer after ${this.#request.timeouts.headersMs} ms`);
    const timedOut = Object.assign(error, { code: 'UND_ERR_HEADERS_TIMEOUT' });
    this.abort(toFetchError(timedOut, this.#request.url));
  };

  abort(reason: unknown): void {
    if (this.#failure) return;
    this.#failure = { reason };
    this.#controller?.abort(asError(reason));
    this.#fail(reason);
  }

  #fail(reason: unknown): void {
    this.#failure ??= { reason };
    if (this.#connection !== undefined) this.#connections.discard(this.#connection);
    this.#connection = undefined;
    this.#release();
    this.#sending?.cancel(reason);
    this.#reject(reason);
    this.#body?.fail(reason);
  }

  #release(): void {
    this.#endWait?.();
    this.#interim?.end();
    const { signals, running, ended } = this.#request;
    ended();
    if (this.#place !== undefined) running.exchanges.delete(this.#place);
    unlisten(signals, this.#onAbort);
  }
}
