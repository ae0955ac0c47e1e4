import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

type Messages = JSONRPCMessage | readonly JSONRPCMessage[];

/** JSON-RPC's range for implementations; the SDK's own "connection closed". */
const CONNECTION_CLOSED = -32_000;

interface OpenAnswer {
  /** Its request was taken: it comes over a stream, and nobody else will report that it does not. */
  streaming: boolean;
  /** Its stream can be taken up again over another connection. */
  resumable: boolean;
  /** Its stream has ended without it. */
  broken: boolean;
}

/** Until when an answer has to be there. */
export interface AnswerLimit {
  readonly ms: number;
  readonly expired: () => void;
}

/**
 * The requests of a transport whose answers are still to come. The SDK leaves a call waiting for its time
 * limit (a minute) when the stream of its answer breaks off; this answers in the server's place.
 *
 * An answer is here from before its request is sent until it arrives, or is ended.
 */
export class OpenAnswers {
  readonly #open = new Map<RequestId, OpenAnswer>();
  readonly #timers = new Map<RequestId, NodeJS.Timeout>();

  get size(): number {
    return this.#open.size;
  }

  /** Sends: once the message was taken, what has not been answered by then comes over a stream. */
  async whileSending(
    message: Messages,
    send: () => Promise<void>,
    limit?: AnswerLimit,
  ): Promise<void> {
    each(message, (id) => this.#add(id, limit));
    try {
      await send();
    } catch (error) {
      // It was not taken: whoever sent it knows.
      each(message, (id) => this.#delete(id));
      throw error;
    }
    this.#mark(message, 'streaming');
  }

  #add(id: RequestId, limit: AnswerLimit | undefined): void {
    this.#open.set(id, { streaming: false, resumable: false, broken: false });
    if (limit === undefined || limit.ms === 0) return;
    this.#timers.set(id, setTimeout(limit.expired, limit.ms));
  }

  #delete(id: RequestId): void {
    this.#open.delete(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  /** Of a transport that is closed, nobody waits any more. */
  close(): void {
    for (const id of [...this.#timers.keys()]) this.#delete(id);
  }

  /** Sees the messages of a transport before whoever listens. To be called as it starts. */
  watch(transport: Pick<Transport, 'onmessage'>): void {
    const deliver = transport.onmessage;
    transport.onmessage = (message) => {
      if (!('method' in message) && 'id' in message && message.id !== undefined) {
        this.#delete(message.id);
      }
      deliver?.(message);
    };
  }

  /** Its stream can be taken up again over another connection. */
  resumable(message: Messages): void {
    this.#mark(message, 'resumable');
  }

  /** The stream of these requests has ended. Those that can be taken up again stay open, unless `final`. */
  streamEnded(requests: unknown, error: Error, final: boolean): readonly JSONRPCMessage[] {
    const ids = new Set<RequestId>();
    each(requests as Messages, (id) => ids.add(id));
    this.#mark(requests as Messages, 'broken');
    return this.#end(error, (one, id) => ids.has(id) && (final || !one.resumable));
  }

  /** Answers one message's requests, whatever has become of their streams. */
  endMessage(message: Messages, error: Error): readonly JSONRPCMessage[] {
    const ids = new Set<RequestId>();
    each(message, (id) => ids.add(id));
    return this.#end(error, (_, id) => ids.has(id));
  }

  /** Answers all whose stream has ended: nobody takes them up again any more. */
  endBroken(error: Error): readonly JSONRPCMessage[] {
    return this.#end(error, ({ broken }) => broken);
  }

  /** Answers all that come over a stream; those that can be taken up again only if `final`. */
  end(error: Error, final: boolean): readonly JSONRPCMessage[] {
    return this.#end(error, ({ streaming, resumable }) => streaming && (final || !resumable));
  }

  #end(
    error: Error,
    which: (answer: OpenAnswer, id: RequestId) => boolean,
  ): readonly JSONRPCMessage[] {
    const ended = [...this.#open].filter(([id, one]) => which(one, id));
    for (const [id] of ended) this.#delete(id);
    return ended.map(([id]) => ({
      jsonrpc: '2.0',
      id,
      error: { code: CONNECTION_CLOSED, message: error.message, data: error },
    }));
  }

  #mark(message: Messages, as: keyof OpenAnswer): void {
    each(message, (id) => {
      const answer = this.#open.get(id);
      if (answer !== undefined) answer[as] = true;
    });
  }
}

function each(input: Messages, action: (id: RequestId) => void): void {
  for (const message of Array.isArray(input) ? input : [input]) {
    if (typeof message !== 'object' || message === null) continue;
    if ('method' in message && 'id' in message) action(message.id);
  }
}
