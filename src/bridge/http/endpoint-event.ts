import { Buffer } from 'node:buffer';

/** Of what comes before the first event has ended: no endpoint is as long. */
const MAX_BYTES = 64 * 1024;

/** The first event of a stream of HTTP with SSE names another origin. */
export class EndpointRefused extends Error {}

/**
 * Rewrites the `endpoint` event with which a stream of HTTP with SSE begins. Bytes are held until the first event
 * is whole; what comes after it passes untouched. Streams that begin with another event pass as they are.
 */
export class EndpointEvent {
  readonly #rewrite: (url: string) => string;
  #held: Buffer | undefined = Buffer.alloc(0);

  /** @param rewrite gives the address for the client; throws {@link EndpointRefused} */
  constructor(rewrite: (url: string) => string) {
    this.#rewrite = rewrite;
  }

  /** @returns what may go on now; nothing, if that is empty */
  push(chunk: Uint8Array): Uint8Array {
    if (this.#held === undefined) return chunk;
    let bytes = Buffer.concat([this.#held, chunk]);
    const passed: Buffer[] = [];
    for (;;) {
      const text = bytes.toString('latin1');
      const end = /(?:\r\n|\r(?!\n|$)|\n)(?:\r\n|\r|\n)/.exec(text);
      if (end === null) break;
      const length = end.index + end[0].length;
      const [block, rest] = [text.slice(0, length), bytes.subarray(length)];
      // Comments, before anything is said.
      if (!/^(?!:)./m.test(block)) {
        passed.push(bytes.subarray(0, length));
        bytes = Buffer.from(rest);
        continue;
      }
      this.#held = undefined;
      const first = bytes.subarray(0, length);
      return Buffer.concat([...passed, this.#block(first), rest]);
    }
    // A long message then, of Streamable HTTP.
    this.#held = bytes.length > MAX_BYTES ? undefined : bytes;
    if (this.#held === undefined) passed.push(bytes);
    return Buffer.concat(passed);
  }

  /** What is held when the stream ends is no event. */
  end(): Uint8Array {
    return this.#held ?? new Uint8Array();
  }

  #block(block: Buffer): Buffer {
    const lines = block
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .split(/\r\n|\r|\n/);
    const fields = (name: string): string[] =>
      lines
        .filter((line) => line === name || line.startsWith(`${name}:`))
        .map((line) => line.slice(name.length + 1).replace(/^ /, ''));
    if (fields('event').at(-1) !== 'endpoint') return block;
    const url = this.#rewrite(fields('data').join('\n'));
    return Buffer.from(`event: endpoint\ndata: ${url}\n\n`, 'utf8');
  }
}
