import { beforeAll, describe, expect, it, vi } from 'vitest';
import * as index from '../../src/index.js';
import * as redis from '../../src/redis/index.js';
import * as store from '../../src/store/index.js';
import * as testing from '../../src/testing/index.js';
import * as v2 from '../../src/v2.js';
import { optionTable, type Row, summary } from '../dist/consumer/option-table.mjs';

/** The table over the sources; test/dist runs it over the built package, ESM and CJS. */

let rows: readonly Row[];

beforeAll(async () => {
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  rows = await optionTable({ index, redis, store, testing, v2 });
  const { wrong: _, ...counts } = summary(rows);
  console.log(JSON.stringify(counts));
}, 120_000);

const of = (mistake: string) => rows.filter((row) => row.mistake === mistake);

describe('every option of every entry', () => {
  it.each([
    'unknown',
    'no object',
    'misspelt',
    'misplaced',
    'null',
    'undefined',
    'another type',
    'out of range',
    'shown nowhere',
  ])('is refused at construction by a typed error, or documented as accepted: %s', (mistake) => {
    expect(of(mistake).length).toBeGreaterThan(60);
    expect(of(mistake).filter(({ ok }) => !ok)).toEqual([]);
  });

  it('that is misplaced is refused with the place where it belongs, nearly always', () => {
    const { counts, toldWhere } = summary(rows);
    expect(toldWhere / (counts['misplaced'] as number)).toBeGreaterThan(0.9);
  });

  it('that is misspelt is refused with the one that was meant, nearly always', () => {
    const { counts, toldWhich } = summary(rows);
    expect(toldWhich / (counts['misspelt'] as number)).toBeGreaterThan(0.9);
  });

  it.each([
    [{ pins: 'x' }, 'it belongs in trust'],
    [{ ca: 'x' }, 'it belongs in trust'],
    [{ connectMs: 1 }, 'it belongs in timeout'],
    [{ proxi: 'env' }, "did you mean 'proxy'?"],
    [{ rejectUnauthorized: false }, 'verification is not switched off'],
    [{ fetch }, 'bypass the trust policy'],
    [{ trst: 'x' }, "did you mean 'trust'?"],
    [{ passphrase: 'x' }, 'it belongs in trust.clientCertificate'],
  ])('of a transport: %o', (options, message) => {
    for (const make of [index.streamableHttpClient, index.sseClient]) {
      expect(() => make('https://a.example', { trust: null, ...options })).toThrow(message);
    }
  });
});
