import { describe, expect, it } from 'vitest';
import { pause, StreamPacing } from '../../../src/transports/stream-pacing.js';

describe('StreamPacing', () => {
  it('lets ten requests for a stream through at once, and then one in a second', () => {
    const pacing = new StreamPacing();
    const waits = Array.from({ length: 12 }, () => pacing.next(0));
    expect(waits).toEqual([...Array(10).fill(0), 1_000, 2_000]);
  });

  it('makes one more free for each second that has passed', () => {
    const pacing = new StreamPacing();
    for (let i = 0; i < 10; i++) pacing.next(0);
    expect(pacing.next(500)).toBe(500);
    expect(pacing.next(60_000)).toBe(0);
  });

  it('counts the stream of each call by itself', () => {
    const pacing = new StreamPacing();
    for (let i = 0; i < 10; i++) pacing.next(0, 'a');
    expect(pacing.next(0, 'b')).toBe(0);
    expect(pacing.next(0)).toBe(0);
    expect(pacing.next(0, 'a')).toBe(1_000);
  });
});

describe('pause', () => {
  it('rejects with the reason of a signal that is aborted before or meanwhile', async () => {
    const reason = new Error('closed');
    await expect(pause(60_000, AbortSignal.abort(reason))).rejects.toBe(reason);
    const ending = new AbortController();
    const waiting = pause(60_000, ending.signal);
    ending.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
