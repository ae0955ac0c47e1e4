import type { RpcId, RpcMessage } from '../rpc.js';

/** Messages of the client on their way to the server: those of one line. */
export interface Outgoing {
  /** As it came. */
  readonly text: string;
  readonly messages: readonly RpcMessage[];
  /** Of the requests among them. */
  readonly ids: readonly RpcId[];
  /** Aborted when nobody waits for an answer. */
  readonly signal: AbortSignal;
}

/** A connection to the server by one of its transports. */
export interface ServerSide {
  /**
   * Sends it. Its answers reach the {@link ClientSide} before or after this is fulfilled; where one cannot come
   * any more it rejects, or reports the error to the client side.
   *
   * @param onAccepted called when the server has taken it, before its answer
   */
  send(out: Outgoing, onAccepted: () => void): Promise<void>;
  /** After `notifications/initialized`: what the server has to say of itself can come from now on. */
  listen(): void;
  /** Ends the session and notifies the server, for half a second at most. */
  close(): Promise<void>;
}

/** The client, as the server's side sees it. */
export interface ClientSide {
  /** One JSON text of the server's. Fulfilled when there is room for the next. */
  deliver(json: string): Promise<void>;
  isWaiting(id: RpcId): boolean;
  /** Of these requests no answer can come any more. */
  fail(ids: readonly RpcId[], error: unknown): void;
  /** Of all. */
  failAll(error: unknown): void;
  /** For people: nobody waits for it. */
  report(error: unknown): void;
}
