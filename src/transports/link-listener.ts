import type { CallId } from './rpc-messages.js';
import type { MessageTaken } from './under-way.js';

/** `final`: requests that follow will fail too. */
export type PoolEnded = (error: Error, final: boolean) => void;

/** What a transport learns of its link. */
export interface LinkListener {
  /** Whether it reads the streams that answer messages by their `UnreadBody`. */
  readonly leavesUnread?: boolean;
  /** The connections were closed that answers came over. */
  poolEnded?: PoolEnded;
  /**
   * An event stream that answered this request has ended: with our error, or of itself.
   *
   * @param lastEventId where it was taken up again after that one
   */
  streamEnded?(
    init: RequestInit | undefined,
    error: Error | undefined,
    lastEventId: string | undefined,
  ): void;
  /** How the request of a message was taken: its answer is an event stream, or there is none (202). */
  messageTaken?(init: RequestInit | undefined, how: MessageTaken): void;
  /** A stream that was to go on after this event is not given, and the SDK asks for it no more. */
  notResumed?(eventId: string): void;
  /** The stream is not given that belongs to no call. */
  standingRefused?(): void;
  /** How a request for an event stream was answered: with a response, or with our error. */
  streamAsked?(answer: Response | Error, init: RequestInit | undefined): void;
  /** Whose answer a stream that is taken up again after this event is for, if it is for one call. */
  callAfter?(eventId: string): CallId | undefined;
  /** A stream was given that goes on after this event. */
  resumed?(eventId: string): void;
  /** Whether nobody waits any more for what this request is for, which was not made yet. */
  isGivenUp?(init: RequestInit | undefined): boolean;
  /** Whether nobody wants a stream that the SDK asks for, after this event or from now on. */
  isUnwanted?(eventId: string | undefined): boolean;
}
