import { explainTlsError } from '../../explain-tls-error.js';
import {
  BridgeError,
  errorAnswer,
  INVALID_REQUEST,
  isClearId,
  onOneLine,
  plainAnswer,
  type RpcId,
  type RpcMessage,
  readMessages,
} from '../rpc.js';
import type { Upstream } from '../upstream.js';
import { type Call, Calls } from './calls.js';
import { ConcurrencyLimit } from './concurrency-limit.js';
import { HttpStatusError } from './http-answer.js';
import { TOO_LONG } from './lines.js';
import { modernVersion } from './modern-headers.js';
import { refuseLine } from './refuse-line.js';
import type { ClientSide, Outgoing, ServerSide } from './server-side.js';
import { SseServer } from './sse-server.js';
import { StreamableServer } from './streamable-server.js';

/** How a bridge speaks to its server. */
export type StdioTransport = 'auto' | 'http' | 'sse';

/** Fewer than a pool has connections: notifications and the standing stream need some. */
const MAX_AT_ONCE = 200;
/** Requests that wait for their turn; then the client is not read from until some are done. */
const MAX_WAITING = 1_000;

interface Deps {
  readonly upstream: Upstream;
  readonly transport: StdioTransport;
  /** One line to the client; fulfilled when there is room for more. */
  readonly write: (line: string) => Promise<void>;
  readonly report: (error: unknown) => void;
}

/**
 * What the client says and what it is answered. Messages go on in the order in which they came, and none waits
 * for the answer to another, apart from two: nothing passes `initialize` before its answer, nor
 * `notifications/initialized` before the server has it. Answers to the server's own requests pass everything.
 */
export class StdioSession implements ClientSide {
  readonly #deps: Deps;
  readonly #calls = new Calls();
  readonly #limit = new ConcurrencyLimit(MAX_AT_ONCE);
  #server: ServerSide | undefined;
  /** Fulfilled when what comes next may go. Never rejects. */
  #order: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  // ───────── From the client ─────────

  /** Takes one line. Fulfilled when the next may be read. */
  async accept(line: string | typeof TOO_LONG): Promise<void> {
    if (line === TOO_LONG) {
      const error = new BridgeError('too-large', 'the message is longer than the bridge carries');
      return this.#deps.write(errorAnswer(null, error));
    }
    const messages = readMessages(line);
    const requests = messages?.filter(({ kind }) => kind === 'request') ?? [];
    if (messages === undefined || !requests.every(({ id }) => isClearId(id))) {
      return this.#refuse(line);
    }
    if (messages.every(({ kind }) => kind === 'response')) {
      void this.#carry({ text: line, messages, ids: [], signal: NEVER }, []);
      return;
    }
    const calls: Call[] = [];
    for (const message of requests) {
      const call = this.#calls.begin(message);
      if (call === undefined) {
        for (const { id } of calls) this.#calls.cancel(id);
        if (requests.length > 1) return this.#refuse(line);
        const why = 'a request with this id has no answer yet';
        return this.#deps.write(plainAnswer(message.id ?? null, INVALID_REQUEST, why));
      }
      calls.push(call);
    }
    const ids = calls.map(({ id }) => id);
    const signal = calls.length === 1 ? (calls[0] as Call).signal : NEVER;
    this.#inOrder({ text: line, messages, ids, signal }, calls);
    if (calls.length > 0 && this.#limit.waiting > MAX_WAITING) {
      await Promise.race(calls.map(({ settled }) => settled));
    }
  }

  async #refuse(line: string): Promise<void> {
    const answers = refuseLine(line, (id) => this.isWaiting(id));
    await Promise.all(answers.map((one) => this.#deps.write(one)));
  }

  /** Sends it when it may go. What has to wait for it waits. */
  #inOrder(out: Outgoing, calls: readonly Call[]): void {
    const [first] = out.messages;
    const { method, params } = first as RpcMessage;
    const before = this.#order;
    if (method === 'notifications/cancelled') {
      void before.then(() => this.#cancel(out, params['requestId'] as RpcId));
    } else if (method === 'initialize') {
      void before.then(() => this.#carry(out, calls));
      this.#order = (calls[0] as Call | undefined)?.settled ?? before;
    } else if (method === 'notifications/initialized') {
      this.#order = before.then(() => {
        return new Promise<void>((resolve) => {
          void this.#carry(out, calls, resolve).then(resolve);
        }).then(() => this.#server?.listen());
      });
    } else {
      void before.then(() => this.#carry(out, calls));
    }
  }

  /** Carries one line to its end. Never rejects: what fails is answered. */
  async #carry(out: Outgoing, calls: readonly Call[], onAccepted = (): void => {}): Promise<void> {
    const needsTurn = out.ids.length > 0;
    if (needsTurn) await this.#limit.acquire();
    try {
      if (this.#isClosed) throw new BridgeError('closed', 'the bridge has ended');
      if (out.signal.aborted) return;
      const [first] = out.messages;
      if (first?.method === 'initialize') await this.#initialize(out);
      else await (await this.#serverFor(first)).send(out, onAccepted);
      await Promise.all(calls.map(({ settled }) => settled));
    } catch (error) {
      if (out.signal.aborted) return;
      if (out.ids.length === 0 && !this.#isClosed) this.#deps.report(error);
      this.fail(out.ids, error);
    } finally {
      if (needsTurn) this.#limit.release();
    }
  }

  /**
   * The server hears of it; then nobody waits for the answer any more. Of a request of 2026-07-28 the end of its
   * stream is what the server hears.
   */
  async #cancel(out: Outgoing, id: RpcId): Promise<void> {
    if (!this.#calls.find(id)?.isModern) await this.#carry(out, []);
    this.#calls.cancel(id);
  }

  // ───────── The server ─────────

  async #initialize(out: Outgoing): Promise<void> {
    const { transport, upstream } = this.#deps;
    await this.#server?.close();
    this.#server = undefined;
    if (transport !== 'sse') {
      const server = new StreamableServer(upstream, this);
      this.#server = server;
      try {
        return await server.send(out, () => {});
      } catch (error) {
        if (transport === 'http' || !mayBeOld(error)) throw error;
        try {
          this.#server = await this.#openSse();
        } catch (second) {
          // A refusal stands before everything; else what the first try met is nearer to the mistake.
          throw isRefusal(second) ? second : error;
        }
      }
    } else this.#server = await this.#openSse();
    await this.#server.send(out, () => {});
  }

  /** Before `initialize` only requests come that need no session: those of 2026-07-28, and mistakes. */
  async #serverFor(message: RpcMessage | undefined): Promise<ServerSide> {
    if (this.#server !== undefined) return this.#server;
    const { transport, upstream } = this.#deps;
    if (transport === 'sse' || (message !== undefined && modernVersion(message) === undefined)) {
      throw new BridgeError('not-connected', 'there is no session: initialize comes first');
    }
    this.#server = new StreamableServer(upstream, this);
    return this.#server;
  }

  async #openSse(): Promise<SseServer> {
    const server = new SseServer(this.#deps.upstream, this);
    await server.open();
    return server;
  }

  // ───────── To the client ─────────

  async deliver(json: string): Promise<void> {
    const messages = readMessages(json);
    if (messages === undefined) {
      this.#deps.report(new BridgeError('bad-answer', 'the server sent what is no JSON-RPC'));
      return;
    }
    const texts = messages.length === 1 && !json.trimStart().startsWith('[') ? [json] : split(json);
    for (const [i, message] of messages.entries()) {
      // An answer that nobody waits for: cancelled, given already, or never asked for.
      if (message.kind === 'response') {
        if (message.id === undefined || !this.#calls.take(message.id)) continue;
      }
      await this.#deps.write(onOneLine(texts[i] as string));
    }
  }

  isWaiting(id: RpcId): boolean {
    return this.#calls.find(id) !== undefined;
  }

  fail(ids: readonly RpcId[], error: unknown): void {
    for (const id of ids) {
      if (!this.#calls.take(id)) continue;
      const answer =
        error instanceof HttpStatusError && ids.length === 1 ? error.answer : undefined;
      void this.#deps.write(answer ?? errorAnswer(id, error));
    }
  }

  failAll(error: unknown): void {
    for (const id of this.#calls.takeAll()) void this.#deps.write(errorAnswer(id, error));
  }

  report(error: unknown): void {
    this.#deps.report(error);
  }

  // ───────── The end ─────────

  /** Until all is answered, or `ms` have passed. */
  async settle(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([this.#order.then(() => this.#calls.allSettled()), time]);
    clearTimeout(timer);
  }

  /** Answers whatever waits with an error, and ends the session at the server. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.failAll(new BridgeError('closed', 'the bridge has ended'));
    await this.#server?.close();
  }
}

const NEVER = new AbortController().signal;

/** What a server of HTTP with SSE answers to a POST at the address of its stream. */
function mayBeOld(error: unknown): boolean {
  return error instanceof HttpStatusError && [400, 404, 405].includes(error.status);
}

/** For the sake of trust, or of what the server wants: a stream that leads elsewhere. */
function isRefusal(error: unknown): boolean {
  const isBad = error instanceof BridgeError && error.reason === 'bad-answer';
  return isBad || explainTlsError(error)?.refused === true;
}

function split(json: string): readonly string[] {
  return (JSON.parse(json) as readonly unknown[]).map((one) => JSON.stringify(one));
}
