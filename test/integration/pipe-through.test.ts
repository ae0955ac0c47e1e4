import { EventEmitter, once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ReadableWritablePair } from 'node:stream/web';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type CustomClientFactory, makeCustomClientFactory } from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

/**
 * `response.body.pipeThrough()`, which takes a way of its own: the same from outside as the platform's,
 * so each test runs over both.
 */

let certificate: HeldCertificate;
let server: TlsServer;
let factory: CustomClientFactory;
let answers: EventEmitter<{ answer: [ServerResponse] }>;

beforeAll(async () => {
  certificate = await heldCertificate();
});
beforeEach(async () => {
  answers = new EventEmitter();
  server = await startTlsServer({
    certificate,
    onRequest: (_request, response) => {
      response.flushHeaders();
      answers.emit('answer', response);
    },
  });
  factory = makeCustomClientFactory(certificate.pem);
});
afterEach(async () => {
  await factory.close();
  await server.close();
});

type Piped = ReadableStream<Uint8Array>;

/** The body of an answer, and the server's end of it. */
async function ask(general: boolean, signal?: AbortSignal) {
  const arrived = once(answers, 'answer');
  const response = await factory()(server.url, { signal: signal ?? null });
  const [answer] = (await arrived) as [ServerResponse];
  const body = response.body as Piped;
  if (general) body.pipeThrough = ReadableStream.prototype.pipeThrough;
  return { response, body, answer };
}

const upper = () =>
  new TransformStream<string, string>({
    transform: (text, controller) => controller.enqueue(text.toUpperCase()),
  });

async function all<T>(stream: ReadableStream<T>): Promise<T[]> {
  const read: T[] = [];
  for await (const chunk of stream as unknown as AsyncIterable<T>) read.push(chunk);
  return read;
}

const decoder = (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }) =>
  new TextDecoderStream(label, options) as unknown as ReadableWritablePair<string, Uint8Array>;

describe.each([
  ['by the short way', false],
  ['by the general way', true],
] as const)('%s', (_way, general) => {
  it('text goes through a decoder and on, characters whole', async () => {
    const { body, answer, response } = await ask(general);
    const text = body.pipeThrough(decoder()).pipeThrough(upper());
    expect([body.locked, response.bodyUsed, response.type]).toEqual([true, true, 'default']);
    const reader = text.getReader();
    const bytes = Buffer.from('\ufeffaä€😀z');
    for (const byte of bytes) {
      answer.write(Buffer.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
    answer.end();
    let read = '';
    for (let one = await reader.read(); !one.done; one = await reader.read()) read += one.value;
    expect(read).toBe('AÄ€😀Z');
  });

  it('a decoder keeps its settings', async () => {
    const latin1 = await ask(general);
    latin1.answer.end(Buffer.from([0xe4]));
    const text = latin1.body.pipeThrough(decoder('latin1')).pipeThrough(upper());
    expect(await all(text)).toEqual(['Ä']);
    const marked = await ask(general);
    marked.answer.end('\ufeffa');
    const kept = marked.body.pipeThrough(decoder('utf-8', { ignoreBOM: true }));
    expect((await all(kept.pipeThrough(upper()))).join('')).toBe('\ufeffA');
  });

  it.each(['chained', 'read'])('a fatal decoder ends both sides (%s)', async (how) => {
    const { body, answer } = await ask(general);
    const closed = once(answer, 'close');
    const text = body.pipeThrough(decoder('utf-8', { fatal: true }));
    const end = how === 'chained' ? text.pipeThrough(upper()) : text;
    answer.write(Buffer.from([0xff, 0xff, 0xff]));
    await expect(all(end)).rejects.toThrow(TypeError);
    await closed;
  });

  it('what is left of a character at the end is not lost', async () => {
    const { body, answer } = await ask(general);
    answer.end(Buffer.from('a€').subarray(0, 3));
    const text = body.pipeThrough(decoder()).pipeThrough(upper());
    expect((await all(text)).join('')).toBe('A\ufffd');
  });

  it.each(['at once', 'later'])('a decoder can be read, %s', async (when) => {
    const { body, answer } = await ask(general);
    const pair = decoder();
    const text = body.pipeThrough(pair);
    expect(text).toBe(pair.readable);
    expect(pair.writable.locked).toBe(true);
    if (when === 'later') await new Promise((resolve) => setTimeout(resolve, 20));
    answer.end('text');
    expect((await all(text)).join('')).toBe('text');
  });

  it('a decoder can be piped on later', async () => {
    const { body, answer } = await ask(general);
    const text = body.pipeThrough(decoder());
    answer.write('te');
    await new Promise((resolve) => setTimeout(resolve, 20));
    const loud = text.pipeThrough(upper());
    answer.end('xt');
    expect((await all(loud)).join('')).toBe('TEXT');
  });

  it('bytes go through any transform', async () => {
    const { body, answer } = await ask(general);
    const sizes = new TransformStream<Uint8Array, number>({
      transform: (chunk, controller) => controller.enqueue(chunk.length),
    });
    answer.end(Buffer.alloc(200_000));
    const counted = await all(body.pipeThrough(sizes));
    expect(counted.reduce((sum, size) => sum + size, 0)).toBe(200_000);
  });

  it('the end of the reader ends the request', async () => {
    const { body, answer } = await ask(general);
    const closed = once(answer, 'close');
    answer.write('a');
    const reader = body.pipeThrough(decoder()).pipeThrough(upper()).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'A' });
    await reader.cancel('enough');
    // The general way finds out when it next writes.
    answer.write('b');
    await closed;
  });

  it.each(['before', 'after'])('an abort %s the first byte is the reader’s error', async (when) => {
    const abort = new AbortController();
    const { body, answer } = await ask(general, abort.signal);
    const reader = body.pipeThrough(decoder()).pipeThrough(upper()).getReader();
    if (when === 'after') {
      answer.write('a');
      await reader.read();
    }
    const reading = reader.read();
    abort.abort(new Error('the reason'));
    await expect(reading).rejects.toThrow('the reason');
  });

  it('a server that goes away is the reader’s error', async () => {
    const { body, answer } = await ask(general);
    const reader = body.pipeThrough(decoder()).pipeThrough(upper()).getReader();
    answer.write('a');
    await reader.read();
    answer.destroy();
    await expect(reader.read()).rejects.toThrow(TypeError);
  });

  it('a slow reader holds the server back', async () => {
    const { body, answer } = await ask(general);
    let sent = 0;
    const chunk = Buffer.alloc(65_536, 'a');
    const write = (): void => {
      while (sent < 64 * 1024 * 1024 && !answer.destroyed) {
        sent += chunk.length;
        if (!answer.write(chunk)) {
          answer.once('drain', write);
          return;
        }
      }
    };
    write();
    const reader = body.pipeThrough(decoder()).pipeThrough(upper()).getReader();
    await reader.read();
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(sent).toBeLessThan(32 * 1024 * 1024);
    let read = 0;
    while (read < 8 * 1024 * 1024) read += (await reader.read()).value?.length ?? 0;
    await reader.cancel();
  });

  it('a body is piped once', async () => {
    const { body, answer, response } = await ask(general);
    answer.end('a');
    const text = body.pipeThrough(decoder());
    expect(() => body.pipeThrough(decoder())).toThrow(TypeError);
    await expect(response.text()).rejects.toThrow(TypeError);
    expect(() => response.clone()).toThrow(TypeError);
    expect((await all(text)).join('')).toBe('a');
  });

  it('a transform that is in use, or none, is refused', async () => {
    const { body, answer } = await ask(general);
    const used = decoder();
    used.writable.getWriter();
    expect(() => body.pipeThrough(used)).toThrow(TypeError);
    expect(() => body.pipeThrough(undefined as never)).toThrow(TypeError);
    answer.end('a');
    const options = { preventClose: true };
    const reader = body.pipeThrough(decoder(), options).getReader();
    expect(await reader.read()).toEqual({ done: false, value: 'a' });
  });
});
