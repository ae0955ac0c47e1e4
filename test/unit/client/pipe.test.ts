import { expect, it } from 'vitest';
import { Pipe, READ_AHEAD_BYTES } from '../../../src/client/pipe.js';

it('a source that has always more at hand leaves turns of the event loop to others', async () => {
  const PIECES = 100;
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
        pipe.write(new Uint8Array(READ_AHEAD_BYTES));
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
  expect(written).toBe(PIECES * READ_AHEAD_BYTES);
  expect(turns).toBeGreaterThan(PIECES / 4);
});
