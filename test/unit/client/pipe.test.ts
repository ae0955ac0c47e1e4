import { expect, it } from 'vitest';
import { Pipe, READ_AHEAD_BYTES } from '../../../src/client/pipe.js';

/** How many turns of the event loop others had while a source was piped that has always more at hand. */
async function turnsDuring(PIECES: number, pieceBytes: number): Promise<number> {
  let pipe: Pipe;
  let sent = 0;
  let written = 0;
  // As an HTTP parser does with what the socket holds: it goes on at once when it is resumed.
  const source = {
    paused: false,
    pause: () => {
      source.paused = true;
    },
    resume: () => {
      source.paused = false;
      while (!source.paused && sent < PIECES) {
        sent++;
        pipe.write(new Uint8Array(pieceBytes));
      }
      if (sent === PIECES) pipe.end();
    },
    cancel: () => {},
    aborted: () => undefined,
    listen: () => {},
  };
  const writable = new WritableStream<unknown>({
    write: (piece) => {
      written += (piece as Uint8Array).length;
    },
  });
  const ended = new Promise((resolve) => {
    const target = { writable, writer: writable.getWriter(), decoder: undefined };
    pipe = new Pipe(target, source, resolve);
  });
  let turns = 0;
  const count = (): void => {
    turns++;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  source.resume();
  expect(await ended).toBeUndefined();
  clearImmediate(immediate);
  expect(written).toBe(PIECES * pieceBytes);
  return turns;
}

it.each([
  // A quarter of the pieces is let in at a time, or less.
  ['large pieces', 100, READ_AHEAD_BYTES, 25],
  // A server can send bytes one by one: 64 KB of them are as many calls.
  ['pieces of a byte', 200_000, 1, 12],
])(
  'a source that has always more at hand leaves turns of the event loop to others: %s',
  async (_name, pieces, bytes, least) => {
    expect(await turnsDuring(pieces, bytes)).toBeGreaterThan(least);
  },
);

it('what waited is handed out in portions, with a turn of the event loop between them', async () => {
  let turn = 0;
  const sequential: number[] = [];
  const writable = new WritableStream<unknown>({
    write: (piece) => {
      sequential[turn] = (sequential[turn] ?? 0) + (piece as Uint8Array).length;
    },
  });
  const source = {
    pause: () => {},
    resume: () => {},
    cancel: () => {},
    aborted: () => undefined,
    listen: () => {},
  };
  const count = (): void => {
    turn++;
    immediate = setImmediate(count);
  };
  let immediate = setImmediate(count);
  await new Promise((resolve) => {
    const target = { writable, writer: writable.getWriter(), decoder: undefined };
    const pipe = new Pipe(target, source, resolve);
    for (let i = 0; i < 60_000; i++) pipe.write(new Uint8Array(1));
    pipe.end();
  });
  clearImmediate(immediate);
  expect(sequential.reduce((sum, bytes) => sum + bytes, 0)).toBe(60_000);
  // A portion, and the piece that filled it.
  expect(Math.max(...sequential.filter((bytes) => bytes > 0))).toBeLessThanOrEqual(2 * 16_384);
});
