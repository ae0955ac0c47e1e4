import type { ServerResponse } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { EndpointEvents } from './endpoint-event.js';

/** How much is read of a stream before others have a turn: what waits in memory comes without a pause. */
const BYTES_AT_ONCE = 256 * 1024;

/** The client did not read for too long. */
class ClientStalled extends Error {}

/**
 * Writes an answer's body as it comes: nothing is held back, and the server is not read from while the client
 * does not read.
 *
 * @param stallMs how long the client may take for what was written
 * @throws {ClientStalled}, and whatever the body fails with
 */
export async function writeBody(
  body: ReadableStream<Uint8Array>,
  response: ServerResponse,
  { stallMs, events }: { readonly stallMs: number; readonly events: EndpointEvents | undefined },
): Promise<void> {
  let read = 0;
  for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
    read += chunk.length;
    if (read > BYTES_AT_ONCE) {
      await setImmediate();
      read = 0;
    }
    const bytes = events === undefined ? chunk : events.push(chunk);
    if (bytes.length === 0) continue;
    // Gone: leaving the loop cancels the body.
    if (response.destroyed) return;
    if (!response.write(bytes)) await untilDrained(response, stallMs);
  }
  const last = events?.end();
  if (last !== undefined && last.length > 0) response.write(last);
}

function untilDrained(response: ServerResponse, stallMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer);
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    const timer = setTimeout(() => {
      response.off('drain', done);
      response.off('close', done);
      reject(new ClientStalled());
    }, stallMs);
    response.once('drain', done);
    response.once('close', done);
  });
}
