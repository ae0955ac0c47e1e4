import type { Readable, Writable } from 'node:stream';
import { shown } from '../rpc.js';
import { MAX_MESSAGE_BYTES, openUpstream, type UpstreamOptions } from '../upstream.js';
import { LineWriter } from './line-writer.js';
import { readLines } from './lines.js';
import { StdioSession, type StdioTransport } from './stdio-session.js';

/** Options of {@link runStdioBridge}. */
export interface StdioBridgeOptions extends UpstreamOptions {
  /** What the client writes: a JSON-RPC message a line. */
  readonly input: Readable;
  /** What the client reads. Nothing but messages goes there. */
  readonly output: Writable;
  /** Default `auto`: Streamable HTTP, and HTTP with SSE where the server refuses that with 400, 404 or 405. */
  readonly transport?: StdioTransport | undefined;
  /** Ends the bridge. */
  readonly signal?: AbortSignal | undefined;
  /** Lines for people. */
  readonly report?: ((line: string) => void) | undefined;
  /** Of a message of the client's. What is longer is answered with an error. Default 64 MiB. */
  readonly maxLineBytes?: number | undefined;
  /** For answers that are under way when the input ends. Default 1000. */
  readonly graceMs?: number | undefined;
}

/** Why a bridge ended: its client left by closing its end of one pipe or the other, or it was asked to. */
export type StdioEnd = 'input' | 'output' | 'signal';

/** For what was written and was not read yet. */
const FLUSH_MS = 500;

/**
 * Serves a remote server to a local program over two pipes. Whatever cannot be carried is answered with a
 * JSON-RPC error, one for each request that waits; of a server that is refused it has our code and reason in
 * `error.data`.
 *
 * When the input ends, answers under way get {@link StdioBridgeOptions.graceMs}; then the session is ended at
 * the server, and nothing is left open.
 *
 * @throws {TlsConfigError} before anything is read
 */
export async function runStdioBridge(options: StdioBridgeOptions): Promise<StdioEnd> {
  const { input, output, signal, transport = 'auto', graceMs = 1_000 } = options;
  const { report = () => {}, maxLineBytes = MAX_MESSAGE_BYTES } = options;
  const upstream = openUpstream(options);
  const writer = new LineWriter(output);
  const session = new StdioSession({
    upstream,
    transport,
    write: (line) => writer.write(line),
    report: (error) => report(shown(error)),
  });
  const readInput = async (): Promise<StdioEnd> => {
    try {
      for await (const line of readLines(input, maxLineBytes)) await session.accept(line);
    } catch {
      // An input that breaks has ended.
    }
    return 'input';
  };
  const stopped = new Promise<StdioEnd>((resolve) => {
    if (signal?.aborted) resolve('signal');
    signal?.addEventListener('abort', () => resolve('signal'), { once: true });
  });
  const left = writer.ended.then((): StdioEnd => 'output');
  try {
    const end = await Promise.race([readInput(), left, stopped]);
    if (end === 'input') await Promise.race([session.settle(graceMs), left, stopped]);
    return end;
  } finally {
    input.destroy();
    await session.close();
    await writer.flush(FLUSH_MS);
    await upstream.close();
  }
}
