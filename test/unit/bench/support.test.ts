import { describe, expect, it } from 'vitest';
import { formatNumber } from '../../../bench/support/format.js';
import { interleave } from '../../../bench/support/interleave.js';
import { makeSeries } from '../../../bench/support/results.js';
import { summarise } from '../../../bench/support/statistics.js';

describe('summarise', () => {
  it.each([
    [[3], { median: 3, q1: 3, q3: 3, rounds: 1 }],
    [[4, 1, 3, 2, 5], { median: 3, q1: 2, q3: 4, rounds: 5 }],
    [[10, 0], { median: 5, q1: 2.5, q3: 7.5, rounds: 2 }],
  ])('%j', (values, summary) => {
    expect(summarise(values)).toEqual(summary);
  });

  it('has nothing to say about nothing', () => {
    expect(() => summarise([])).toThrow('no values');
  });
});

describe('interleave', () => {
  it('gives everyone a turn in every round, in changing order', async () => {
    const order: string[] = [];
    const contender = (id: string) => async () => order.push(id);
    const contenders = new Map(['a', 'b', 'c'].map((id) => [id, contender(id)]));
    const results = await interleave(contenders, 3);
    expect(order.join('')).toBe('abcacbcab');
    expect([...results.values()].map((rounds) => rounds.length)).toEqual([3, 3, 3]);
  });
});

describe('makeSeries', () => {
  const head = { id: 'x', title: 'x', unit: 'µs' };

  it('makes the ratio in each round, and then its median', () => {
    const rounds = new Map([
      ['a', [1, 10, 100]],
      ['b', [2, 10, 50]],
    ]);
    const { rows } = makeSeries({ ...head, bases: ['b'] }, rounds);
    expect(rows[0]?.value.median).toBe(10);
    expect(rows[0]?.ratios['b']).toEqual({ median: 1, q1: 0.75, q3: 1.5, rounds: 3 });
  });

  it('refuses a base that did not run in every round', () => {
    const rounds = new Map([
      ['a', [1, 10]],
      ['b', [2]],
    ]);
    expect(() => makeSeries({ ...head, bases: ['b'] }, rounds)).toThrow('every round');
    expect(() => makeSeries({ ...head, bases: ['c'] }, rounds)).toThrow('every round');
  });
});

describe('formatNumber', () => {
  it.each([
    [0, '0'],
    [0.4567, '0.46'],
    [1.6, '1.60'],
    [45.67, '45.7'],
    [1234.5, '1,235'],
  ])('%d: %s', (value, text) => {
    expect(formatNumber(value)).toBe(text);
  });
});
