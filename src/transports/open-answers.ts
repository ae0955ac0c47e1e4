import { GivenUpCalls, UnwantedStreams } from './given-up.js';
import {
  answerOf,
  type CallId,
  type EndedAnswers,
  each,
  idsOf,
  type Messages,
  probeIn,
  type RpcMessage,
} from './rpc-messages.js';
import type { MessageTaken } from './under-way.js';

interface OpenAnswer {
  /** Its request was taken: it comes over a stream, and nobody else will report that it does not. */
  streaming: boolean;
  /** How its request was taken, where the answer to that did not end with it. */
  taken: MessageTaken | undefined;
  /** After which event its stream can be taken up again over another connection. */
  resumesAfter: string | undefined;
  /** After which event it was taken up again last: a stream that goes on from there was given. */
  resumedAfter: string | undefined;
  /** Its stream has ended without it. */
  broken: boolean;
  readonly limit: AnswerLimit | undefined;
}

interface Settling {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/** Until when an answer has to be there. */
export interface AnswerLimit {
  /** From `since`; 0 for no limit. */
  readonly ms: number;
  /** By `performance.now()`. */
  readonly since: number;
  /** Its first request has a limit of its own, which ends with its stream: this one counts from then on. */
  readonly onceBroken: boolean;
  readonly expired: () => void;
}

/**
 * The requests of a transport whose answers are still to come. The SDK leaves a call waiting for its time
 * limit (a minute) when the stream of its answer breaks off; this answers in the server's place.
 *
 * An answer is here from before its request is sent until it arrives, or is ended.
 */
export class OpenAnswers {
  readonly #open = new Map<CallId, OpenAnswer>();
  readonly #timers = new Map<CallId, NodeJS.Timeout>();
  readonly #givenUp = new GivenUpCalls();
  readonly #unwanted = new UnwantedStreams();
  /**
   * Probes of the server's protocol, which reject where they were sent. An error in the server's place would
   * say that it speaks an older one.
   */
  readonly #probes = new Map<CallId, Settling>();

  get size(): number {
    return this.#open.size;
  }

  /** Whether an answer to a request of `message` is still to come. */
  has(message: Messages): boolean {
    return [...idsOf(message)].some((id) => this.#open.has(id));
  }

  /** Sends: once the message was taken, what has not been answered by then comes over a stream. */
  async whileSending(
    message: Messages,
    send: () => Promise<void>,
    limit?: AnswerLimit,
  ): Promise<void> {
    const begun: CallId[] = [];
    each(message, (id) => {
      // After a login the SDK sends it once more, within the first sending of it.
      if (this.#givenUp.has(id) || this.#open.get(id)?.streaming === false) return;
      begun.push(id);
      this.#add(id, limit);
    });
    try {
      await send();
    } catch (error) {
      // It was not taken: whoever sent it knows.
      each(message, (id) => this.#delete(id));
      throw error;
    } finally {
      for (const id of begun) this.#givenUp.delete(id);
    }
    this.#mark(message, { streaming: true });
    const probe = probeIn(message);
    if (probe === undefined || !this.#open.has(probe)) return;
    await new Promise<void>((resolve, reject) => this.#probes.set(probe, { resolve, reject }));
  }

  /**
   * Nobody waits for this answer any more. The SDK does not know that, and asks for its stream again:
   * {@link isUnwanted}.
   */
  abandon(id: CallId): void {
    const { streaming, resumesAfter, resumedAfter } = this.#open.get(id) ?? {};
    if (streaming === false) this.#givenUp.add(id);
    this.#delete(id);
    this.#unwanted.add(resumesAfter, resumedAfter);
  }

  /** Whether nobody waits any more for what this requests, which is not to be sent then. */
  isGivenUp(init: RequestInit | undefined): boolean {
    return this.#givenUp.areAllIn(init);
  }

  /** {@link abandon} for all calls of a message. */
  abandonAll(message: Messages): void {
    each(message, (id) => this.abandon(id));
  }

  /** Whether a stream that is asked for after this event is one that was given up. Each is so once. */
  isUnwanted(eventId: string | undefined): boolean {
    return this.#unwanted.take(eventId);
  }

  /** Whose stream is asked for again after this event, if it is that of a call. */
  callAfter(eventId: string): CallId | undefined {
    for (const [id, { resumesAfter }] of this.#open) if (resumesAfter === eventId) return id;
    return undefined;
  }

  /** That stream was given. */
  resumed(eventId: string): void {
    for (const one of this.#open.values()) {
      if (one.resumesAfter === eventId) one.resumedAfter = eventId;
    }
  }

  #add(id: CallId, limit: AnswerLimit | undefined): void {
    this.#open.set(id, {
      streaming: false,
      taken: undefined,
      resumesAfter: undefined,
      resumedAfter: undefined,
      broken: false,
      limit,
    });
    if (limit !== undefined && !limit.onceBroken) this.#startTimer(id, limit, limit.since);
  }

  #startTimer(id: CallId, { ms, since, expired }: AnswerLimit, now: number): void {
    if (ms === 0 || this.#timers.has(id)) return;
    this.#timers.set(id, setTimeout(expired, Math.max(0, since + ms - now)));
  }

  #delete(id: CallId): void {
    this.#open.delete(id);
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#probes.get(id)?.resolve();
    this.#probes.delete(id);
  }

  /** Of a transport that is closed, nobody waits any more. */
  close(): void {
    for (const id of [...this.#timers.keys(), ...this.#probes.keys()]) this.#delete(id);
  }

  /** Sees the messages of a transport before whoever listens. To be called as it starts. */
  watch(transport: { onmessage?: ((message: RpcMessage) => void) | undefined }): void {
    const deliver = transport.onmessage;
    transport.onmessage = (message) => {
      if (!('method' in message) && 'id' in message && message.id !== undefined) {
        this.#delete(this.#asSdkReads(message.id));
      }
      deliver?.(message);
    };
  }

  /** The SDKs number their requests, and take an answer to `"1"` for that to `1`. */
  #asSdkReads(id: CallId): CallId {
    return this.#open.has(id) ? id : Number(id);
  }

  /** Its request was taken like this. */
  taken(message: Messages, how: MessageTaken): void {
    this.#mark(message, { taken: how });
  }

  /**
   * To be called when the message was sent, and whatever the answer to its request held was delivered. Those of
   * its answers that are to come elsewhere have what is left of their limit.
   *
   * @param elsewhere whether the answer to a request that was only taken may come over another stream
   * @returns whether one of its answers can come no more
   */
  isLost(message: Messages, elsewhere: boolean, now: number): boolean {
    let lost = false;
    each(message, (id) => {
      const one = this.#open.get(id);
      if (one === undefined || one.taken === 'as a stream') return;
      if (one.limit !== undefined) this.#startTimer(id, one.limit, now);
      if (one.taken === undefined || !elsewhere) lost = true;
    });
    return lost;
  }

  /** Answers those whose requests were only taken: no stream is left that they could come over. */
  endTaken(error: Error): EndedAnswers {
    return this.#end(error, ({ streaming, taken }) => streaming && taken === 'without an answer');
  }

  /** Answers those whose stream is not taken up again after this event. */
  notResumed(eventId: string, error: Error): EndedAnswers {
    return this.#end(error, ({ resumesAfter }) => resumesAfter === eventId, true);
  }

  /** Its stream can be taken up again over another connection, after this event. */
  resumable(message: Messages, eventId: string): void {
    this.#mark(message, { resumesAfter: eventId });
  }

  /**
   * The stream of these requests has ended, nearly always with their answers. Those that can be taken up again stay
   * open, unless `final`, and have what is left of their limit.
   */
  streamEnded(requests: Messages, error: () => Error, final: boolean, now: number): EndedAnswers {
    if (!this.has(requests)) return [];
    const ids = idsOf(requests);
    this.#mark(requests, { broken: true });
    const ended = this.#end(
      error(),
      (one, id) => ids.has(id) && (final || one.resumesAfter === undefined),
    );
    for (const id of ids) {
      const limit = this.#open.get(id)?.limit;
      if (limit !== undefined) this.#startTimer(id, limit, now);
    }
    return ended;
  }

  /**
   * A stream that was taken up again after this event has ended. Where it brought no event of its own the SDK
   * has forgotten what to ask for.
   */
  resumedStreamEnded(eventId: string, error: Error, final: boolean): EndedAnswers {
    return this.#end(
      error,
      ({ resumesAfter, resumedAfter }) =>
        resumedAfter === eventId && (final || resumesAfter === resumedAfter),
    );
  }

  /** Answers one message's requests, whatever has become of their streams. */
  endMessage(message: Messages, error: Error): EndedAnswers {
    const ids = idsOf(message);
    return this.#end(error, (_, id) => ids.has(id));
  }

  /** Answers all whose stream has ended: nobody takes them up again any more. */
  endBroken(error: Error): EndedAnswers {
    return this.#end(error, ({ broken }) => broken, true);
  }

  /** Answers all that come over a stream; those that can be taken up again only if `final`. */
  end(error: Error, final: boolean): EndedAnswers {
    return this.#end(
      error,
      ({ streaming, resumesAfter }) => streaming && (final || resumesAfter === undefined),
    );
  }

  /** @param sdkKnows that their streams are over, and does not ask for them again */
  #end(
    error: Error,
    which: (answer: OpenAnswer, id: CallId) => boolean,
    sdkKnows = false,
  ): EndedAnswers {
    const ended = [...this.#open].filter(([id, one]) => which(one, id));
    const answered = ended.filter(([id, one]) => {
      const probe = this.#probes.get(id);
      probe?.reject(error);
      this.#delete(id);
      if (!sdkKnows) this.#unwanted.add(one.resumesAfter, one.resumedAfter);
      return probe === undefined;
    });
    return answered.map(([id]) => answerOf(id, error));
  }

  #mark(message: Messages, as: Partial<OpenAnswer>): void {
    each(message, (id) => {
      const answer = this.#open.get(id);
      if (answer !== undefined) Object.assign(answer, as);
    });
  }
}
