/** Why a body will not go on, or not be read. */
export interface BodyFailure {
  readonly reason: unknown;
}

/** Told once that nothing more of a body will be read, and why if that was too early. */
export type BodyEnded = (failure: BodyFailure | undefined) => void;

/** The body of an answer: pushed in by the exchange, read once, whole or as a stream. */
export interface ResponseBody {
  write(chunk: Uint8Array): void;
  end(): void;
  fail(reason: unknown): void;
  /**
   * All of it, without the cost of a stream: for `text()` and `json()`. The source is cancelled when
   * more than the body's limit came.
   */
  collect(): Promise<Uint8Array>;
  /** A byte stream with back-pressure to the socket. */
  stream(): ReadableStream<Uint8Array>;
  /** Whether the stream was piped away, which it does not show itself. */
  readonly piped: boolean;
  /** Whether the last byte has come, or none will. */
  readonly complete: boolean;
  /** Whether pieces of it wait in somebody's stream: an abort has to reach them. */
  readonly holds: boolean;
  /** Bytes that wait for a reader. */
  readonly waiting: number;
  /** They, if they came in one piece. To be looked at only. */
  readonly onlyPiece: Uint8Array | undefined;
  /** Calls `onChange` when a piece has come, and at the end, until the body is read. It is held meanwhile. */
  watch(onChange: () => void): void;
  onEnded(listener: BodyEnded): void;
  /** Calls `listener` once the last byte has come, or none will. */
  onComplete(listener: () => void): void;
  /** Abandons it when `holder`, by which alone it can be read now, is collected. Replaces the one before. */
  heldBy(holder: object): void;
}
