import { describe, expect, it } from 'vitest';
import { EventTooLargeError, readEvents } from '../../../src/bridge/event-stream.js';
import { EndpointEvents } from '../../../src/bridge/http/endpoint-event.js';

const bytes = (text: string) => new TextEncoder().encode(text);

/** The stream in two pieces, cut at each place, and byte by byte. */
function cuts(text: string): Uint8Array[][] {
  const all = bytes(text);
  const inTwo = Array.from(all, (_, at) => [all.subarray(0, at), all.subarray(at)]);
  return [...inTwo, Array.from(all, (_, at) => all.subarray(at, at + 1))];
}

async function eventsOf(pieces: Uint8Array[], maxChars = 1_000): Promise<unknown[]> {
  const events: unknown[] = [];
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
  for await (const { event, data, id, retry } of readEvents(stream, maxChars)) {
    events.push([event, data, id, retry]);
  }
  return events;
}

describe('readEvents', () => {
  const LINES = [
    ': comment',
    '',
    'data: ä 1',
    'data:2',
    '',
    'event: endpoint',
    'id: x',
    'retry: 5',
    'data: /messages',
    '',
    'id',
    'retry: soon',
    'unknown: 1',
    'data',
    '',
    'data: cut off',
  ];
  const EVENTS = [
    ['message', 'ä 1\n2', undefined, undefined],
    ['endpoint', '/messages', 'x', 5],
    ['message', '', undefined, undefined],
  ];

  it.each(['\n', '\r\n', '\r'])(
    'reads the same wherever the bytes are cut, with lines that end by %j',
    async (end) => {
      for (const pieces of cuts(LINES.join(end))) expect(await eventsOf(pieces)).toEqual(EVENTS);
    },
  );

  it('refuses an event over its bound, in one line or many, in small pieces too', async () => {
    for (const text of [`data: ${'x'.repeat(200)}\n\n`, 'data: x\n'.repeat(50)]) {
      for (const pieces of cuts(text).slice(-2)) {
        await expect(eventsOf(pieces, 100)).rejects.toThrow(EventTooLargeError);
      }
    }
  });

  it('bounds each event by itself, and comments not at all', async () => {
    const text = `${': keep-alive\n'.repeat(50)}\n${'data: 12345\n\n'.repeat(50)}`;
    expect((await eventsOf([bytes(text)], 20)).length).toBe(50);
  });
});

describe('EndpointEvents', () => {
  const rewritten = (pieces: Uint8Array[]): string => {
    const first = new EndpointEvents('h', (url) => `/token${url}`);
    const out = pieces.map((piece) => Buffer.from(first.push(piece)));
    return Buffer.concat([...out, Buffer.from(first.end())]).toString('utf8');
  };
  /** A line break may be left over between two events: it is none. */
  const lines = (text: string) => text.split(/\r\n|\r|\n/).filter((line) => line !== '');

  it.each(['\n', '\r\n', '\r'])(
    'rewrites an event wherever the bytes are cut, with lines that end by %j',
    (end) => {
      const text = [': hello', '', 'event: endpoint', 'data: /m?s=1', '', 'data: ä', '', ''].join(
        end,
      );
      for (const pieces of cuts(text)) {
        expect(lines(rewritten(pieces))).toEqual([
          ': hello',
          'event: endpoint',
          'data: /token/m?s=1',
          'data: ä',
        ]);
      }
    },
  );

  it('rewrites an event after others, and leaves the others as they are', () => {
    const [before, after] = ['id: 1\ndata: ä\n\n: x\n\n\n', 'event: message\r\ndata: y\r\n\r\n'];
    for (const pieces of cuts(`${before}event: endpoint\ndata: /m\n\n${after}`)) {
      expect(rewritten(pieces)).toBe(`${before}event: endpoint\ndata: /token/m\n\n${after}`);
    }
  });

  it('holds no more than an endpoint needs', () => {
    const first = new EndpointEvents('h', () => '');
    expect(first.push(bytes(`data: ${'x'.repeat(100_000)}`)).length).toBe(100_006);
  });

  it('hands comments on that come before the first event', () => {
    expect(new EndpointEvents('h', () => '').push(bytes(': a\n\n: b')).length).toBe(5);
  });
});
