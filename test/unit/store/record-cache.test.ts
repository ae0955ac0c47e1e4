import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { makeStoreError } from '../../../src/store/index.js';
import {
  type Loaded,
  makeRecordCache as makeCache,
  type RecordCache,
} from '../../../src/store/record-cache.js';
import { codeOf } from './support.js';

const OPTIONS = { ttlMs: 1_000, negativeTtlMs: 1_000, max: 100, staleIfErrorMs: 0 };
type Options = Parameters<typeof makeCache>[0];

/** Over a load whose revisions do not matter. */
function makeRecordCache<T extends object>(
  options: Options,
  load: (id: string) => Promise<T | undefined>,
): RecordCache<T> {
  return makeCache<T>(options, async (id) => ({ value: await load(id), revision: 1 }));
}

const away = () => makeStoreError('MCP_TLS_STORE_UNAVAILABLE', 'away');

/** A load that is finished by hand. */
function byHand() {
  const waiting: { resolve(value: object | undefined): void; reject(error: Error): void }[] = [];
  const load = () =>
    new Promise<object | undefined>((resolve, reject) => waiting.push({ resolve, reject }));
  return { load, waiting };
}

describe('the cache', () => {
  it('loads once for a thousand callers, and not again', async () => {
    let loads = 0;
    const cache = makeRecordCache(OPTIONS, async (id) => {
      loads++;
      await sleep(5);
      return { id };
    });
    const all = await Promise.all(Array.from({ length: 1_000 }, () => cache.get('a')));
    expect(new Set(all).size).toBe(1);
    expect(await cache.get('a')).toBe(all[0]);
    expect(loads).toBe(1);
    expect(cache.stats).toMatchObject({ hits: 1, loads: 1 });
  });

  it('remembers that there is nothing, for its own time', async () => {
    let loads = 0;
    const options = { ...OPTIONS, negativeTtlMs: 30 };
    const cache = makeRecordCache<object>(options, async () => {
      loads++;
      return undefined;
    });
    for (let i = 0; i < 5; i++) expect(await cache.get('a')).toBeUndefined();
    expect(loads).toBe(1);
    expect(cache.stats.negativeHits).toBe(4);
    await sleep(40);
    await cache.get('a');
    expect(loads).toBe(2);
  });

  it('keeps no failure: the next caller asks again', async () => {
    let loads = 0;
    const cache = makeRecordCache<object>(OPTIONS, async () => {
      if (loads++ === 0) throw away();
      return {};
    });
    const codes = await Promise.all([codeOf(cache.get('a')), codeOf(cache.get('a'))]);
    expect(codes).toEqual(['MCP_TLS_STORE_UNAVAILABLE', 'MCP_TLS_STORE_UNAVAILABLE']);
    expect(await cache.get('a')).toEqual({});
  });

  it('does not give out after a change what was read before it', async () => {
    const { load, waiting } = byHand();
    const cache = makeRecordCache(OPTIONS, load);
    const got = cache.get('a');
    await sleep(1);
    cache.drop('a');
    const joined = cache.get('a');
    waiting[0]?.resolve({ old: true });
    await sleep(1);
    waiting[1]?.resolve({ old: false });
    expect(await got).toEqual({ old: false });
    expect(await joined).toEqual({ old: false });
    expect(await cache.get('a')).toEqual({ old: false });
    expect(waiting).toHaveLength(2);
  });

  it('the same when everything is cleared', async () => {
    const { load, waiting } = byHand();
    const cache = makeRecordCache(OPTIONS, load);
    const got = cache.get('a');
    await sleep(1);
    cache.clear();
    waiting[0]?.resolve({ old: true });
    await sleep(1);
    waiting[1]?.resolve(undefined);
    expect(await got).toBeUndefined();
  });

  it('answers nobody with what was read before it was asked, when it is switched off', async () => {
    const { load, waiting } = byHand();
    const cache = makeRecordCache({ ...OPTIONS, ttlMs: 0, negativeTtlMs: 0 }, load);
    const before = cache.get('a');
    await sleep(5);
    const after = cache.get('a');
    await sleep(1);
    waiting[1]?.resolve({ old: false });
    expect(await after).toEqual({ old: false });
    waiting[0]?.resolve({ old: true });
    expect(await before).toEqual({ old: true });
  });

  it('counts the time to live from when a record was asked for', async () => {
    const { load, waiting } = byHand();
    const cache = makeRecordCache({ ...OPTIONS, ttlMs: 60, negativeTtlMs: 60 }, load);
    const slow = cache.get('a');
    await sleep(80);
    // Older than the time to live: not to be joined, nor to be held.
    const next = cache.get('a');
    await sleep(1);
    waiting[1]?.resolve({ n: 2 });
    expect(await next).toEqual({ n: 2 });
    waiting[0]?.resolve({ n: 1 });
    expect(await slow).toEqual({ n: 1 });
    expect(await cache.get('a')).toEqual({ n: 2 });
  });

  it('forgets what is older than a revision that was seen elsewhere', async () => {
    let loaded: Loaded<object> = { value: { n: 1 }, revision: 5 };
    const cache = makeCache<object>(OPTIONS, async () => loaded);
    expect(await cache.get('a')).toEqual({ n: 1 });
    loaded = { value: { n: 2 }, revision: 6 };
    for (const revision of [4, 5]) expect(cache.learn('a', revision)).toBe(false);
    expect(await cache.get('a')).toEqual({ n: 1 });
    expect(cache.learn('a', 6)).toBe(true);
    expect(await cache.get('a')).toEqual({ n: 2 });
    expect(cache.learn('b', 6)).toBe(false);
    loaded = { value: undefined, revision: 0 };
    expect(await cache.get('b')).toBeUndefined();
    expect(cache.learn('b', 1)).toBe(true);
  });

  it('is bounded', async () => {
    const cache = makeRecordCache({ ...OPTIONS, max: 10 }, async (id) => ({ id }));
    for (let i = 0; i < 100; i++) await cache.get(`${i}`);
    expect(cache.size).toBe(10);
  });

  it('switched off holds nothing, and still loads once for callers at the same time', async () => {
    let loads = 0;
    const cache = makeRecordCache({ ...OPTIONS, ttlMs: 0, negativeTtlMs: 0 }, async () => {
      loads++;
      return {};
    });
    await Promise.all([cache.get('a'), cache.get('a')]);
    await cache.get('a');
    expect(loads).toBe(2);
    expect(cache.size).toBe(0);
  });

  it.each<[string, Error, number, boolean]>([
    ['while the backend is away, within the limit', away(), 60_000, true],
    [
      'while it hangs, within the limit',
      makeStoreError('MCP_TLS_STORE_TIMEOUT', 'x'),
      60_000,
      true,
    ],
    ['not without a limit', away(), 0, false],
    ['not after the limit', away(), 1, false],
    [
      'not for a record that was tampered with',
      makeStoreError('MCP_TLS_STORE_TAMPERED', 'x'),
      60_000,
      false,
    ],
    ['not for an emptied store', makeStoreError('MCP_TLS_STORE_EMPTIED', 'x'), 60_000, false],
  ])('gives out an old record %s', async (_, error, staleIfErrorMs, given) => {
    let failing = false;
    const options = { ...OPTIONS, ttlMs: 10, negativeTtlMs: 10, staleIfErrorMs };
    const cache = makeRecordCache<object>(options, async () => {
      if (failing) throw error;
      return { old: true };
    });
    await cache.get('a');
    failing = true;
    await sleep(20);
    if (given) {
      expect(await cache.get('a')).toEqual({ old: true });
      expect(cache.stats.staleServed).toBe(1);
    } else await expect(cache.get('a')).rejects.toBe(error);
  });

  it('never gives out an old absence', async () => {
    let failing = false;
    const options = { ...OPTIONS, ttlMs: 10, negativeTtlMs: 10, staleIfErrorMs: 60_000 };
    const cache = makeRecordCache<object>(options, async () => {
      if (failing) throw away();
      return undefined;
    });
    await cache.get('a');
    failing = true;
    await sleep(20);
    expect(await codeOf(cache.get('a'))).toBe('MCP_TLS_STORE_UNAVAILABLE');
  });
});
