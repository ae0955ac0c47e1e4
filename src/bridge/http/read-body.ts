import { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** Larger ones go on in pieces, as they come. */
const MAX_WHOLE_BYTES = 256 * 1024;

/**
 * The body of a client's request. A short one is read to its end first: it then goes on with its length, which
 * some servers insist on, and can be looked at.
 *
 * @returns `undefined` if there is none
 */
export async function readBody(
  request: IncomingMessage,
): Promise<Buffer | AsyncIterable<Uint8Array> | undefined> {
  const { method, headers } = request;
  const hasOne = headers['content-length'] !== undefined || 'transfer-encoding' in headers;
  if (!hasOne || method === 'GET' || method === 'HEAD') {
    request.resume();
    return undefined;
  }
  const pieces: Buffer[] = [];
  let bytes = 0;
  const chunks = request[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  while (bytes <= MAX_WHOLE_BYTES) {
    const { value, done } = await chunks.next();
    if (done) return Buffer.concat(pieces);
    pieces.push(value);
    bytes += value.length;
  }
  return inPieces(pieces, chunks);
}

async function* inPieces(
  first: readonly Buffer[],
  rest: AsyncIterator<Buffer>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield* first;
  for (;;) {
    const { value, done } = await rest.next();
    if (done) return;
    yield value;
  }
}
