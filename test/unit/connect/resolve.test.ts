import type { LookupFunction } from 'node:net';
import { describe, expect, it } from 'vitest';
import { addressesOf } from '../../../src/connect/resolve.js';

const answering = (answer: unknown): LookupFunction =>
  ((_host: string, _options: unknown, done: (error: null, answer: unknown) => void) =>
    done(null, answer)) as unknown as LookupFunction;

describe('addressesOf', () => {
  // Node.js would connect to this machine then.
  it.each([
    [[]],
    [undefined],
    [null],
    [['10.0.0.1']],
    [[{ address: 'a.example', family: 4 }]],
    [''],
  ])(
    'takes %j from a look-up for no address, and never for none that is needed',
    async (answer) => {
      await expect(addressesOf('a.example', answering(answer))).rejects.toMatchObject({
        code: 'ENOTFOUND',
      });
    },
  );

  it('gives the addresses that there are', async () => {
    const both = [{ address: '10.0.0.1', family: 4 }, undefined, { address: '::1', family: 6 }];
    expect(await addressesOf('a.example', answering(both))).toEqual(['10.0.0.1', '::1']);
    expect(await addressesOf('10.0.0.9', answering([]))).toEqual(['10.0.0.9']);
  });
});
