import type { Transform } from 'node:stream';
import type { BodyLimit } from './body-limit.js';
import { makeDecoders } from './content-encoding.js';
import type { BodySource } from './pipe.js';
import { PlainBody } from './plain-body.js';
import type { BodyEnded, ResponseBody } from './response-body.js';

/** What the body of one answer is made of. */
export interface BodyParts {
  /** Of several lines of it, undici makes a list. */
  readonly contentEncoding: string | readonly string[] | undefined;
  readonly source: BodySource;
  readonly limit: BodyLimit | undefined;
  /** Makes what the reader sees of an error of the decoding. */
  readonly decodingError: (cause: unknown) => Error;
}

/** Makes the body of an answer, decoded by its content-encoding. @throws if it has too many codings */
export function makeResponseBody(parts: BodyParts): ResponseBody {
  const { contentEncoding, source, limit } = parts;
  const decoders = contentEncoding === undefined ? [] : makeDecoders(`${contentEncoding}`);
  return decoders.length === 0 ? new PlainBody(source, limit) : new DecodedBody(decoders, parts);
}

/**
 * A chain of decoders before a plain body. Whichever end breaks ends all of them. Where it is read as a whole,
 * the limit is that of the coded bytes too: a coding may bring nothing for any number of them.
 */
class DecodedBody implements ResponseBody {
  readonly #decoders: readonly Transform[];
  readonly #first: Transform;
  readonly #source: BodySource;
  readonly #inner: PlainBody;
  readonly #limit: BodyLimit | undefined;
  #coded = 0;
  #isCollected = false;

  constructor(decoders: readonly Transform[], { source, limit, decodingError }: BodyParts) {
    this.#limit = limit;
    this.#decoders = decoders;
    this.#first = decoders[0] as Transform;
    this.#source = source;
    const last = decoders.at(-1) as Transform;
    const inner = new PlainBody(
      {
        pause: () => last.pause(),
        resume: () => last.resume(),
        cancel: (reason) => {
          this.#destroy();
          source.cancel(reason);
        },
        aborted: () => source.aborted(),
        listen: (body) => source.listen(body),
      },
      limit,
    );
    this.#inner = inner;
    for (const [i, decoder] of decoders.entries()) {
      decoder.on('error', (cause) => {
        const error = decodingError(cause);
        inner.fail(error);
        this.#destroy();
        source.cancel(error);
      });
      const next = decoders[i + 1];
      if (next) decoder.pipe(next);
    }
    last.on('data', (chunk: Uint8Array) => inner.write(chunk));
    last.once('end', () => inner.end());
    this.#first.on('drain', () => source.resume());
  }

  get piped(): boolean {
    return this.#inner.piped;
  }

  get complete(): boolean {
    return this.#inner.complete;
  }

  get holds(): boolean {
    return this.#inner.holds;
  }

  get waiting(): number {
    return this.#inner.waiting;
  }

  get onlyPiece(): Uint8Array | undefined {
    return this.#inner.onlyPiece;
  }

  watch(onChange: () => void): void {
    this.#inner.watch(onChange);
  }

  onEnded(listener: BodyEnded): void {
    this.#inner.onEnded(listener);
  }

  onComplete(listener: () => void): void {
    this.#inner.onComplete(listener);
  }

  collect(): Promise<Uint8Array> {
    this.#isCollected = true;
    return this.#inner.collect();
  }

  stream(): ReadableStream<Uint8Array> {
    return this.#inner.stream();
  }

  heldBy(holder: object): void {
    this.#inner.heldBy(holder);
  }

  write(chunk: Uint8Array): void {
    this.#coded += chunk.length;
    const limit = this.#limit;
    if (this.#isCollected && limit !== undefined && this.#coded > limit.bytes) {
      const error = limit.error();
      this.fail(error);
      this.#source.cancel(error);
      return;
    }
    if (!this.#first.destroyed && !this.#first.write(chunk)) this.#source.pause();
  }

  end(): void {
    if (!this.#first.destroyed) this.#first.end();
  }

  fail(reason: unknown): void {
    this.#inner.fail(reason);
    this.#destroy();
  }

  #destroy(): void {
    for (const decoder of this.#decoders) decoder.destroy();
  }
}
