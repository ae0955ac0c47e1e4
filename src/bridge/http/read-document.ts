import { Buffer } from 'node:buffer';

const MAX_BYTES = 1024 * 1024;

/** The body of an answer that is a document; `undefined` for more than one holds. */
export async function readDocument({ body }: Response): Promise<string | undefined> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) return undefined;
    pieces.push(chunk);
  }
  return Buffer.concat(pieces).toString('utf8');
}
