import { isEventStreamType } from '../client/event-stream-type.js';
import { leaveUnread, watchBody } from '../client/make-response.js';
import type { HeaderList } from '../client/request-headers.js';
import { LIMITS, type Timeouts } from '../client/timeouts.js';
import { explainTlsError } from '../explain-tls-error.js';
import { AuthorizationBudget } from './authorization-budget.js';
import { AuthorizationRequests } from './authorization-requests.js';
import type { ClientLike, FetchLike } from './client-like.js';
import type { IssuerMemory } from './issuer-memory.js';
import type { LinkListener } from './link-listener.js';
import { withOwnHeaders } from './own-headers.js';
import { isMcp, kindOf } from './request-kind.js';
import type { CallId } from './rpc-messages.js';
import { pause, StreamPacing } from './stream-pacing.js';
import { ABANDONED, RequestsUnderWay } from './under-way.js';

/** What a transport holds of its server: one fetch for everything, and its end. */
export interface ServerLink {
  readonly fetch: FetchLike;
  /** The last of our errors that {@link fetch} rejected with, for errors that lost their cause. */
  readonly lastError: Error | undefined;
  /** Why a part of the authorization failed that the server asked for last, if any did. */
  readonly loginError: Error | undefined;
  /** The same, if nobody is to be sent to a login after it. */
  readonly loginRefusal: Error | undefined;
  /** A person is sent to this login. */
  sentTo(login: URL): void;
  /** What is remembered of all transports of its OAuth provider. */
  share(memory: IssuerMemory): void;
  listener: LinkListener;
  /** The limit of a whole call, of clients that say so; 0 for none. */
  readonly totalMs: number;
  /** Whether a stream that belongs to no call was asked for, and was not refused. */
  readonly listens: boolean;
  /** Ends the requests that only this call needs: whoever made it waits no more. */
  abandon(call: CallId): void;
  /** Ends the requests with this body, which reject with `reason`. */
  endRequest(body: string, reason: Error): void;
  /**
   * Ends the transport's requests and its own pool. A fetch after that opens both anew, for as long as
   * it and its answer take.
   */
  close(): Promise<void>;
}

/** A client, and what it is closed with. */
export interface Opened {
  readonly client: ClientLike;
  close(): Promise<void>;
}

/**
 * - Before `close()` one client is open, from the start: its options are checked then.
 * - After it, one is open exactly while a request or the body of its answer is under way.
 */
export class Link implements ServerLink {
  listener: LinkListener = {};
  readonly fetch: FetchLike;
  readonly #open: () => Opened;
  #opened: Opened | undefined;
  #closed = false;
  #listens = false;
  #underWay = 0;
  #lastError: Error | undefined;
  readonly #requests = new RequestsUnderWay();
  readonly #pacing = new StreamPacing();
  readonly #server: URL;
  readonly #budget: AuthorizationBudget;
  readonly #authorization: AuthorizationRequests;

  /** @param headers to go to the origin of `server` only */
  constructor(server: URL, open: () => Opened, headers?: HeaderList) {
    this.#server = server;
    this.#budget = new AuthorizationBudget(server);
    this.#authorization = new AuthorizationRequests(server, this.#budget);
    this.#open = open;
    this.#opened = open();
    const send: FetchLike = (input, init) => this.#fetch(input, init);
    this.fetch = headers === undefined ? send : withOwnHeaders(send, server, headers);
  }

  get totalMs(): number {
    const client = this.#opened?.client as { readonly [LIMITS]?: Timeouts } | undefined;
    return client?.[LIMITS]?.totalMs ?? 0;
  }

  get listens(): boolean {
    return this.#listens;
  }

  get lastError(): Error | undefined {
    return this.#lastError;
  }

  get loginError(): Error | undefined {
    return this.#authorization.error;
  }

  get loginRefusal(): Error | undefined {
    return this.#authorization.refusal;
  }

  sentTo(login: URL): void {
    this.#authorization.sentTo(login);
  }

  share(memory: IssuerMemory): void {
    this.#authorization.share(memory);
  }

  async #fetch(input: string | URL, init: RequestInit | undefined): Promise<Response> {
    const kind = kindOf(this.#server, input, init);
    if (isMcp(kind)) return this.#askServer(input, init, kind === 'stream');
    const url = new URL(input);
    const send = (): Promise<Response> => this.#send(url, init);
    return this.#authorization.request(kind, url, init, send).catch((error) => {
      throw this.#refusal(error, false);
    });
  }

  /** MCP, as long as the server leaves the authorization as it is. */
  async #askServer(
    input: string | URL,
    init: RequestInit | undefined,
    isStream: boolean,
  ): Promise<Response> {
    const { token } = this.#budget;
    const response = await this.#send(input, init, isStream);
    const { status } = response;
    const method = init?.method ?? 'GET';
    if (status !== 401 && status !== 403) {
      if (response.ok) this.#budget.accepted(method);
      return this.#reported(response, init, isStream);
    }
    this.#authorization.begin();
    const error = this.#budget.refused(method, status, token, performance.now());
    if (error === undefined) return this.#reported(response, init, isStream);
    await response.body?.cancel();
    throw this.#refusal(error, isStream);
  }

  #reported(response: Response, init: RequestInit | undefined, isStream: boolean): Response {
    if (isStream) this.listener.streamAsked?.(response, init);
    return response;
  }

  async #send(
    input: string | URL,
    init: RequestInit | undefined,
    isStream = false,
  ): Promise<Response> {
    const eventId = isStream ? lastEventId(init) : undefined;
    if (isStream) {
      if (this.listener.isUnwanted?.(eventId)) return noStream();
      const call = this.#callAfter(eventId);
      if (call === undefined) this.#listens = true;
      const wait = this.#pacing.next(performance.now(), call);
      if (wait > 0) await pause(wait, init?.signal);
      // It may have been given up while it waited.
      if (wait > 0 && this.listener.isUnwanted?.(eventId)) return noStream();
    }
    if (this.listener.isGivenUp?.(init)) throw ABANDONED;
    this.#opened ??= this.#open();
    const ending = this.#closed ? this.#begin() : undefined;
    const call = this.#callAfter(eventId);
    const begun = this.#requests.begin(init, call === undefined ? undefined : [call]);
    const done = (): void => {
      ending?.();
      begun?.done();
    };
    let response: Response;
    try {
      response = await this.#opened.client(input, begun?.init ?? init);
    } catch (error) {
      done();
      if (isStream && call === undefined) this.#standingRefused();
      throw this.#refusal(error, isStream);
    }
    // Of a client that is not ours, nothing is known of the body.
    if (!watchBody(response, { complete: done })) done();
    if (isStream && call === undefined && !response.ok) this.#standingRefused();
    if (eventId !== undefined && call !== undefined && refusesForGood(response)) {
      await response.body?.cancel();
      afterReaders(() => this.listener.notResumed?.(eventId));
      return noStream();
    }
    if (eventId !== undefined && response.ok) this.listener.resumed?.(eventId);
    this.#watch(response, init, eventId);
    if (init?.method === 'POST' && response.ok) this.#onTaken(response, init);
    return response;
  }

  #onTaken(response: Response, init: RequestInit): void {
    if (response.status === 202) this.listener.messageTaken?.(init, 'without an answer');
    else if (isEventStream(response)) {
      if (this.listener.leavesUnread) leaveUnread(response);
      this.listener.messageTaken?.(init, 'as a stream');
    }
  }

  #standingRefused(): void {
    this.#listens = false;
    this.listener.standingRefused?.();
  }

  abandon(call: CallId): void {
    this.#requests.abandon(call);
  }

  endRequest(body: string, reason: Error): void {
    this.#requests.end(body, reason);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#end();
  }

  /** Ours, not the TypeError around it: SDK v1 takes any TypeError in OAuth discovery for a
   * browser's CORS failure and goes on without (client/auth.js, fetchWithCorsRetry). */
  #refusal(error: unknown, isStream: boolean): unknown {
    const ours = explainTlsError(error);
    if (ours === undefined) return error;
    this.#lastError = ours;
    if (isStream) this.listener.streamAsked?.(ours, undefined);
    return ours;
  }

  #callAfter(eventId: string | undefined): CallId | undefined {
    return eventId === undefined ? undefined : this.listener.callAfter?.(eventId);
  }

  #watch(response: Response, init: RequestInit | undefined, eventId: string | undefined): void {
    if (!isEventStream(response)) return;
    watchBody(response, {
      ended: (failure) => {
        const error = failure && explainTlsError(failure.reason);
        if (error !== undefined) this.#lastError = error;
        // Broken off by the reader, who knows; anything else the SDK may have to read first.
        if (failure !== undefined && error === undefined) return;
        afterReaders(() => this.listener.streamEnded?.(init, error, eventId));
      },
    });
  }

  #begin(): () => void {
    this.#underWay++;
    return () => {
      if (--this.#underWay === 0) void this.#end();
    };
  }

  async #end(): Promise<void> {
    const ended = this.#opened;
    this.#opened = undefined;
    await ended?.close();
  }
}

function lastEventId(init: RequestInit | undefined): string | undefined {
  return new Headers(init?.headers).get('last-event-id') ?? undefined;
}

function isEventStream(response: Response): boolean {
  return isEventStreamType(response.headers.get('content-type'));
}

/**
 * Whether the stream of a call is not given, and will not be asked for again. The SDKs ask no more after 405, and
 * after an answer without a body; whatever else is no error they read as a stream.
 */
function refusesForGood(response: Response): boolean {
  const { ok, status } = response;
  return status === 405 || status === 204 || (ok && !isEventStream(response));
}

/** What the SDK takes, without a word, for a server that offers no stream. */
function noStream(): Response {
  return new Response(null, { status: 405 });
}

/** The last events are on their way through the streams of the SDK: some turns of microtasks. */
function afterReaders(then: () => void): void {
  setImmediate(() => setImmediate(then));
}
