import type { ReadableWritablePair, WritableStreamDefaultWriter } from 'node:stream/web';
import type { PipeTarget } from './pipe.js';

type PipeThrough = (pair: ReadableWritablePair, options?: object) => unknown;

/**
 * Has `pipeThrough` of a body write to the transform at once, which is how the MCP SDK reads every
 * event stream: `body.pipeThrough(new TextDecoderStream()).pipeThrough(new EventSourceParserStream())`.
 * The general way costs, for each of the two, a reader, its requests, and the errors with stack traces
 * that a lock is released with: a fifth of the whole call.
 *
 * What comes out is the same. A decoder that is piped on in the same breath is not written to but done
 * without: its settings are taken over, and both its ends are locked as they would be.
 *
 * @param take called at once, when the stream is somebody's
 * @param start begins the flow
 */
export function shortenPipeThrough(
  stream: ReadableStream<Uint8Array>,
  take: () => void,
  start: (target: PipeTarget) => void,
): void {
  override(stream, (pair, options) => {
    if (!isPlain(stream, pair, options)) return inGeneral(stream, pair, options);
    // Locked for good: released, it would look unused.
    stream.getReader();
    take();
    const { writable } = pair as { writable: WritableStream };
    const writer = writable.getWriter();
    if (!isTextDecoder(pair)) start({ writable, writer, decoder: undefined });
    else decodeShort(pair, writer);
    return pair.readable;
  });

  function decodeShort(
    pair: ReadableWritablePair & TextDecoderStream,
    writer: WritableStreamDefaultWriter,
  ): void {
    const { encoding, fatal, ignoreBOM } = pair;
    const readable = pair.readable as ReadableStream;
    let begun = false;
    override(readable, (next, options) => {
      restore(readable);
      if (begun || !isPlain(readable, next, options)) return inGeneral(readable, next, options);
      begun = true;
      readable.getReader();
      const decoder = new TextDecoder(encoding, { fatal, ignoreBOM });
      const { writable } = next as { writable: WritableStream };
      start({ writable, writer: writable.getWriter(), decoder });
      return next.readable;
    });
    queueMicrotask(() => {
      if (begun) return;
      begun = true;
      restore(readable);
      start({ writable: pair.writable, writer, decoder: undefined });
    });
  }
}

function isPlain(
  stream: ReadableStream,
  pair: ReadableWritablePair,
  options: object | undefined,
): boolean {
  return options === undefined && !stream.locked && pair?.writable?.locked === false;
}

function isTextDecoder(
  pair: ReadableWritablePair,
): pair is ReadableWritablePair & TextDecoderStream {
  return Object.getPrototypeOf(pair) === TextDecoderStream.prototype;
}

function inGeneral(
  stream: ReadableStream,
  pair: ReadableWritablePair,
  options: object | undefined,
): unknown {
  return ReadableStream.prototype.pipeThrough.call(stream, pair as never, options);
}

function override(stream: ReadableStream, value: PipeThrough): void {
  Object.defineProperty(stream, 'pipeThrough', { value, configurable: true, writable: true });
}

function restore(stream: ReadableStream): void {
  delete (stream as { pipeThrough?: unknown }).pipeThrough;
}
