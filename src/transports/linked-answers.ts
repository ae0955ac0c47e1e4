import { answeredWithout, callTimedOut, endedEarly } from './ended-early.js';
import type { ServerLink } from './link.js';
import type { LinkListener } from './link-listener.js';
import type { AnswerLimit, OpenAnswers } from './open-answers.js';
import {
  type CallId,
  type EndedAnswers,
  type Messages,
  type RpcMessage,
  requestsIn,
} from './rpc-messages.js';
import type { MessageTaken } from './under-way.js';

/** A call is not taken up again after it was closed, nor past the limit that it was given. */
const FINAL: ReadonlySet<unknown> = new Set(['MCP_TLS_CLOSED', 'MCP_TLS_TIMEOUT']);

/**
 * What a Streamable HTTP transport makes of what its link reports: an answer that can come no more is delivered as an
 * error.
 */
export class LinkedAnswers implements LinkListener {
  readonly leavesUnread = true;
  readonly #answers: OpenAnswers;
  readonly #server: URL;
  readonly #link: ServerLink;
  readonly #onMessage: (message: RpcMessage) => void;
  /** What was read of the bodies of requests, without what it was asked with. */
  readonly #requests = new WeakMap<RequestInit, Messages>();

  constructor(
    answers: OpenAnswers,
    server: URL,
    link: ServerLink,
    onMessage: (message: RpcMessage) => void,
  ) {
    this.#answers = answers;
    this.#server = server;
    this.#link = link;
    this.#onMessage = onMessage;
  }

  poolEnded(error: Error, final: boolean): void {
    this.#deliver(this.#answers.end(error, final));
  }

  streamEnded(
    init: RequestInit | undefined,
    error: Error | undefined,
    lastEventId: string | undefined,
  ): void {
    if (this.#answers.size === 0) return;
    const final = FINAL.has((error as { code?: unknown } | undefined)?.code);
    const why = (): Error => error ?? endedEarly(this.#server);
    if (typeof init?.body === 'string') {
      const requests = this.#requestsOf(init);
      this.#deliver(this.#answers.streamEnded(requests, why, final, performance.now()));
    } else if (lastEventId !== undefined) {
      this.#deliver(this.#answers.resumedStreamEnded(lastEventId, why(), final));
    }
  }

  callAfter(eventId: string): CallId | undefined {
    return this.#answers.callAfter(eventId);
  }

  messageTaken(init: RequestInit | undefined, how: MessageTaken): void {
    if (this.#answers.size > 0 && init !== undefined) {
      this.#answers.taken(this.#requestsOf(init), how);
    }
  }

  notResumed(eventId: string): void {
    this.#deliver(this.#answers.notResumed(eventId, endedEarly(this.#server)));
  }

  standingRefused(): void {
    this.#deliver(this.#answers.endTaken(answeredWithout(this.#server)));
  }

  resumed(eventId: string): void {
    this.#answers.resumed(eventId);
  }

  isUnwanted(eventId: string | undefined): boolean {
    return this.#answers.isUnwanted(eventId);
  }

  isGivenUp(init: RequestInit | undefined): boolean {
    return this.#answers.isGivenUp(init);
  }

  /** The SDK has given a stream up. */
  givenUp(): void {
    this.#deliver(this.#answers.endBroken(this.#link.lastError ?? endedEarly(this.#server)));
  }

  /** Of a message that is sent now. */
  limitOf(message: Messages): AnswerLimit {
    const ms = this.#link.totalMs;
    const expired = (): void =>
      this.#deliver(this.#answers.endMessage(message, callTimedOut(this.#server, ms)));
    return { ms, since: performance.now(), onceBroken: true, expired };
  }

  #requestsOf(init: RequestInit): Messages {
    const known = this.#requests.get(init);
    if (known !== undefined) return known;
    const requests = requestsIn(String(init.body));
    this.#requests.set(init, requests);
    return requests;
  }

  /** Ends their requests too: a stream may have been asked for again meanwhile. */
  #deliver(answers: EndedAnswers): void {
    for (const answer of answers) {
      this.#link.abandon(answer.id);
      this.#onMessage(answer);
    }
  }
}
