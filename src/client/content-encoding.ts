import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';

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
 */
export function makeDecoders(header: string | undefined): readonly Transform[] {
  if (header === undefined) return [];
  const names = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  if (names.length > MAX_ENCODINGS) return [];
  const decoders: Transform[] = [];
  for (const name of names.reverse()) {
    if (name === '' || name === 'identity') continue;
    const decoder = makeDecoder(name);
    if (decoder === undefined) return [];
    decoders.push(decoder);
  }
  return decoders;
}

function makeDecoder(name: string): Transform | undefined {
  // SYNC_FLUSH gives out what there is of an event stream, and takes a body that is cut short.
  const flush = { flush: zlib.constants.Z_SYNC_FLUSH, finishFlush: zlib.constants.Z_SYNC_FLUSH };
  if (name === 'gzip' || name === 'x-gzip') return zlib.createGunzip(flush);
  if (name === 'deflate') return zlib.createInflate(flush);
  const operation = zlib.constants.BROTLI_OPERATION_FLUSH;
  if (name === 'br') {
    return zlib.createBrotliDecompress({ flush: operation, finishFlush: operation });
  }
  const { createZstdDecompress } = zlib as { createZstdDecompress?: () => Transform };
  return name === 'zstd' ? createZstdDecompress?.() : undefined;
}
