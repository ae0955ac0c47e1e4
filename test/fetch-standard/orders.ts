import type { ServerResponse } from 'node:http';
import { constants, createGzip } from 'node:zlib';
import type { StreamServer } from './stream-server.js';

/** What can happen to the body of an answer: by its reader, its caller, its server. */
export const OPERATIONS = [
  'read',
  'cancel',
  'abort',
  'error',
  'end',
  'tee',
  'clone',
  'pipe',
] as const;
export type Operation = (typeof OPERATIONS)[number];

export const KINDS = ['plain', 'gzip', 'event-stream'] as const;
export type Kind = (typeof KINDS)[number];

export interface Order {
  readonly kind: Kind;
  readonly operations: readonly Operation[];
  /** Between two operations. With one or more, what the server did has arrived before the next. */
  readonly ticks: number;
}

/** Every order of two and of three different operations. */
export function allOrders(kind: Kind, ticks: number): readonly Order[] {
  const orders: Order[] = [];
  for (const a of OPERATIONS) {
    for (const b of OPERATIONS) {
      if (b === a) continue;
      orders.push({ kind, operations: [a, b], ticks });
      for (const c of OPERATIONS) {
        if (c !== a && c !== b) orders.push({ kind, operations: [a, b, c], ticks });
      }
    }
  }
  return orders;
}

export type BodyFetch = (url: string, init: { signal: AbortSignal }) => Promise<Response>;

/** What came of each operation, and of reading what was left. Plain: two sides can be compared. */
export type Trace = readonly (readonly [what: string, outcome: string])[];

/**
 * Asks for an answer that has begun and not ended, and does to it what `order` says.
 *
 * @param arrivalMs as long as the machine takes to bring a byte over the loopback
 */
export async function runOrder(
  { kind, operations, ticks }: Order,
  fetch: BodyFetch,
  server: StreamServer,
  arrivalMs: number,
): Promise<Trace> {
  const abort = new AbortController();
  const { url, answered } = server.expect(kind);
  const response = await fetch(url, { signal: abort.signal });
  const answer = await answered;
  await pause(arrivalMs);
  const body = new ObservedBody(response);
  for (const [i, operation] of operations.entries()) {
    if (operation === 'abort') abort.abort(new Error('the caller aborts'));
    else if (operation === 'error') answer.destroy();
    else if (operation === 'end') answer.end();
    else body.do(operation);
    if (i === operations.length - 1) break;
    for (let tick = 0; tick < ticks; tick++) await new Promise((resolve) => setImmediate(resolve));
    if (ticks > 0 && (operation === 'error' || operation === 'end')) await pause(arrivalMs);
  }
  await pause(arrivalMs);
  body.drain();
  answer.end();
  return body.trace(20 * arrivalMs);
}

/** Keeps what came of each operation on a response. */
class ObservedBody {
  readonly #response: Response;
  readonly #outcomes: (readonly [string, Promise<unknown>])[] = [];
  #stream: ReadableStream<Uint8Array | string>;
  #reader: ReadableStreamDefaultReader<Uint8Array | string> | undefined;

  constructor(response: Response) {
    this.#response = response;
    this.#stream = response.body as ReadableStream<Uint8Array>;
  }

  do(operation: Exclude<Operation, 'abort' | 'error' | 'end'>): void {
    this.#note(operation, () => this[operation]());
  }

  /** Whatever is left, read to its end. */
  drain(): void {
    this.#note('drain', async () => {
      let text = '';
      const reader = this.#readerOf();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return `all of '${text}'`;
        text += toText(value);
      }
    });
  }

  async trace(limitMs: number): Promise<Trace> {
    const last = pause(limitMs).then(() => 'pending');
    const settled = this.#outcomes.map(async ([what, outcome]) => {
      const text = outcome.then(
        (value) => `fulfilled: ${value}`,
        (reason) => `rejected: ${nameOf(reason)}`,
      );
      return [what, await Promise.race([text, last])] as const;
    });
    return Promise.all(settled);
  }

  async read(): Promise<string> {
    const { done, value } = await this.#readerOf().read();
    return done ? 'done' : toText(value);
  }

  cancel(): Promise<void> {
    return (this.#reader ?? this.#stream).cancel(new Error('not wanted'));
  }

  async tee(): Promise<string> {
    const [one, two] = this.#stream.tee();
    this.#stream = one;
    return all(two);
  }

  async clone(): Promise<string> {
    const clone = this.#response.clone();
    this.#stream = this.#response.body as ReadableStream<Uint8Array>;
    return clone.text();
  }

  async pipe(): Promise<void> {
    this.#stream = this.#stream
      .pipeThrough(new TextDecoderStream() as never)
      .pipeThrough(new TransformStream());
  }

  #readerOf(): ReadableStreamDefaultReader<Uint8Array | string> {
    this.#reader ??= this.#stream.getReader();
    return this.#reader;
  }

  #note(what: string, run: () => Promise<unknown>): void {
    const outcome = (async () => run())();
    outcome.catch(() => {});
    this.#outcomes.push([what, outcome]);
  }
}

async function all(stream: ReadableStream<Uint8Array | string>): Promise<string> {
  let text = '';
  for await (const chunk of stream as unknown as AsyncIterable<Uint8Array>) text += toText(chunk);
  return text;
}

const toText = (chunk: Uint8Array | string): string =>
  typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Ours of the caller by their text, those of the network by their class: texts differ. */
function nameOf(reason: unknown): string {
  if (!(reason instanceof Error)) return `${reason}`;
  return /^(the caller|not wanted)/.test(reason.message) ? reason.message : reason.name;
}

/** The beginning of an answer of `kind`, and an end that completes it. */
export function begin(kind: Kind, response: ServerResponse): void {
  if (kind === 'event-stream') {
    response.setHeader('content-type', 'text/event-stream');
    response.write('data: one\n\n');
  } else if (kind === 'plain') response.write('one');
  else {
    response.setHeader('content-encoding', 'gzip');
    const gzip = createGzip();
    gzip.pipe(response, { end: false });
    gzip.write('one');
    gzip.flush(constants.Z_SYNC_FLUSH);
  }
}
