import type { WritableStreamDefaultWriter } from 'node:stream/web';

/** What a body needs from the exchange that it belongs to. */
export interface BodySource {
  pause(): void;
  resume(): void;
  /** The reader does not want the rest. */
  cancel(reason: unknown): void;
}

/**
 * How much is taken off the socket before anybody reads: a short answer whole, so that cancelling it
 * (the SDK's way with an answer that it has no use for) does not break off the connection.
 */
export const READ_AHEAD_BYTES = 65_536;

/** The way of a body into a writable stream. */
export interface Pipe {
  write(chunk: Uint8Array): void;
  end(): void;
  fail(reason: unknown): void;
}

type Decoder = InstanceType<typeof TextDecoder>;

/** Where a pipe ends: a stream of bytes, or one of text behind a decoder. */
export interface PipeTarget {
  readonly writer: WritableStreamDefaultWriter<unknown>;
  readonly decoder: Decoder | undefined;
}

/**
 * Writes what comes to `target`, and holds the source back while too much of it waits. As `pipeTo`
 * does (Streams Standard §4.2.4), an error of one side ends the other; other than there, the writer is
 * not released at the end: nothing more can be written.
 */
export function makePipe({ writer, decoder }: PipeTarget, source: BodySource): Pipe {
  let waiting = 0;
  let ended = false;
  writer.closed.catch((reason) => {
    if (!ended) source.cancel(reason);
    ended = true;
  });

  /** Whoever waits for the writer is told by `closed`. */
  const ignore = (): void => {};

  function fail(reason: unknown): void {
    ended = true;
    writer.abort(reason).catch(ignore);
  }

  /** Text, or `undefined` where there is none to write: part of a character, or one that is none. */
  function decode(decoder: Decoder, chunk?: Uint8Array): string | undefined {
    try {
      return decoder.decode(chunk, { stream: chunk !== undefined }) || undefined;
    } catch (error) {
      fail(error);
      source.cancel(error);
      return undefined;
    }
  }

  return {
    write(chunk) {
      const { length } = chunk;
      const piece = decoder === undefined ? chunk : decode(decoder, chunk);
      if (piece === undefined || ended) return;
      waiting += length;
      writer.write(piece).then(() => {
        const held = waiting >= READ_AHEAD_BYTES;
        waiting -= length;
        if (held && waiting < READ_AHEAD_BYTES) source.resume();
      }, ignore);
      if (waiting >= READ_AHEAD_BYTES) source.pause();
    },
    end() {
      const rest = decoder && decode(decoder);
      if (ended) return;
      ended = true;
      if (rest !== undefined) writer.write(rest).catch(ignore);
      writer.close().catch(ignore);
    },
    fail,
  };
}
