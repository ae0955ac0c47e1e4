import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/client/byte-queue.js';

/** A piece as a socket brings it: a view of a buffer that may be much larger. */
const piece = fc
  .record({
    bytes: fc.uint8Array({ minLength: 1, maxLength: 20_000, size: 'max' }),
    around: fc.constantFrom(0, 10, 65_536),
  })
  .map(({ bytes, around }) => {
    const buffer = new Uint8Array(bytes.length + around);
    buffer.set(bytes);
    return buffer.subarray(0, bytes.length);
  });

const step = fc.oneof(
  { weight: 5, arbitrary: piece },
  { weight: 3, arbitrary: fc.constant('shift' as const) },
  { weight: 1, arbitrary: fc.constant('take all' as const) },
);

describe('the bytes that wait', () => {
  it('come out as they went in, in whatever steps, and hold no more memory than twice their length', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const queue = new ByteQueue();
        const put: Uint8Array[] = [];
        const got: Uint8Array[] = [];
        for (const one of steps) {
          if (one === 'take all') got.push(queue.takeAll());
          else if (one === 'shift') got.push(queue.shift() ?? new Uint8Array(0));
          else {
            put.push(one);
            queue.push(one);
          }
          const waiting = Buffer.concat(put).length - Buffer.concat(got).length;
          expect(queue.length).toBe(waiting);
          // And one block that is being filled.
          expect(queue.held).toBeLessThanOrEqual(2 * waiting + 2 * 16_384);
        }
        got.push(queue.takeAll());
        expect(Buffer.concat(got).equals(Buffer.concat(put))).toBe(true);
        expect([queue.length, queue.held]).toEqual([0, 0]);
      }),
      { numRuns: 40 },
    );
  }, 60_000);

  it('keep the first 64 pieces apart, and join what comes beyond', () => {
    const queue = new ByteQueue();
    for (let i = 0; i < 10_000; i++) queue.push(Uint8Array.of(i % 256));
    const lengths: number[] = [];
    for (let one = queue.shift(); one !== undefined; one = queue.shift()) lengths.push(one.length);
    expect(lengths.slice(0, 64)).toEqual(Array(64).fill(1));
    expect(lengths.slice(64)).toEqual([9_936]);
  });

  it('take time by their number: a million pieces of a byte are no matter', () => {
    const queue = new ByteQueue();
    const before = process.cpuUsage();
    for (let i = 0; i < 1_000_000; i++) {
      queue.push(Uint8Array.of(1));
      if (i % 3 === 0) queue.shift();
    }
    while (queue.shift() !== undefined);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(5_000);
  });
});
