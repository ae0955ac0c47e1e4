import { Transform, type TransformCallback } from 'node:stream';
// Not `* as`: webpack makes imports by name of that, and Node.js 20 has no zstd.
import zlib from 'node:zlib';

/** What {@link makeDecoders} knows here, for the accept-encoding header. */
export function acceptedEncodings(): string {
  return 'createZstdDecompress' in zlib ? 'gzip, deflate, br, zstd' : 'gzip, deflate, br';
}

/** As many codings as undici decodes in a row: more is a trap, not an answer. */
const MAX_ENCODINGS = 5;

/**
 * Decoders for a content-encoding, in the order in which they are to be applied. Codings are listed
 * in the order applied (RFC 9110 §8.4), so they come off from the last. None if one is not known:
 * the bytes then stay as they are, as with `fetch`.
 *
 * @throws {RangeError} for more codings than anybody uses
 */
export function makeDecoders(header: string): readonly Transform[] {
  const names = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  if (names.length > MAX_ENCODINGS) {
    throw new RangeError(`more than ${MAX_ENCODINGS} content codings`);
  }
  const decoders: Transform[] = [];
  for (const name of names.reverse()) {
    if (name === '' || name === 'identity') continue;
    const decoder = makeDecoder(name);
    if (decoder === undefined) return [];
    decoders.push(decoder);
  }
  return decoders;
}

// SYNC_FLUSH gives out what there is of an event stream, and takes a body that is cut short.
const FLUSH = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH };

function makeDecoder(name: string): Transform | undefined {
  if (name === 'gzip' || name === 'x-gzip') return zlib.createGunzip(FLUSH);
  if (name === 'deflate') return new Deflated();
  const operation = zlib.constants.BROTLI_OPERATION_FLUSH;
  if (name === 'br') {
    return zlib.createBrotliDecompress({ flush: operation, finishFlush: operation });
  }
  return name === 'zstd' ? zstd() : undefined;
}

/** RFC 9659: no window over 8 MB. Node.js's own limit is 128 MB, for as long as the stream is open. */
function zstd(): Transform | undefined {
  const { createZstdDecompress, constants } = zlib as unknown as {
    createZstdDecompress?: (options: object) => Transform;
    constants: { ZSTD_d_windowLogMax: number };
  };
  return createZstdDecompress?.({ params: { [constants.ZSTD_d_windowLogMax]: 23 } });
}

/**
 * 'deflate' is the zlib format (RFC 9110 §8.4.1.2), and some servers send the raw one, as the name
 * says. The first byte shows which.
 */
class Deflated extends Transform {
  #inflate: zlib.Inflate | zlib.InflateRaw | undefined;
  /** By its format, which may be before its last byte. */
  #ended = false;

  override _transform(chunk: Buffer, _encoding: string, callback: TransformCallback): void {
    if (chunk.length === 0 || this.#ended) {
      callback();
      return;
    }
    this.#inflate ??= this.#begin(chunk[0] as number);
    this.#inflate.write(chunk, () => callback());
  }

  override _flush(callback: TransformCallback): void {
    if (this.#inflate === undefined || this.#ended) callback();
    else this.#inflate.once('end', () => callback()).end();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    this.#inflate?.destroy();
    callback(error);
  }

  /** RFC 1950 §2.2: compression method 8 in the low bits of the first byte. */
  #begin(first: number): zlib.Inflate | zlib.InflateRaw {
    const inflate = (first & 0x0f) === 8 ? zlib.createInflate(FLUSH) : zlib.createInflateRaw(FLUSH);
    inflate.on('data', (piece) => {
      // Held back by its reader, as any other decoder is.
      if (!this.push(piece)) inflate.pause();
    });
    inflate.on('end', () => {
      this.#ended = true;
    });
    inflate.on('error', (error) => this.destroy(error));
    return inflate;
  }

  override _read(size: number): void {
    this.#inflate?.resume();
    super._read(size);
  }
}
