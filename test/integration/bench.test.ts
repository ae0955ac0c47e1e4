import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCallsOver } from '../../bench/calls/run-calls.js';
import { settingOf } from '../../bench/calls/settings.js';
import { COMPILED, compile } from '../../bench/support/compile.js';
import { findRow } from '../../bench/support/results.js';
import { targetsOf } from '../../bench/targets.js';

const OPTIONS = { binary: process.execPath, quick: true, rounds: 1 };

/** The figures of one round say nothing; that there are figures says that the suite still runs. */
describe('the bench', () => {
  beforeAll(compile, 60_000);
  // Workers of vitest may end without an exit event.
  afterAll(() => rmSync(COMPILED, { recursive: true, force: true }));

  it.each([
    ['v1', 'json', 3],
    ['v2', 'sse', 1],
  ] as const)(
    'calls a tool over SDK %s, %s answers',
    async (sdk, form, targets) => {
      const series = await runCallsOver(sdk, form, OPTIONS);
      const id = `calls.${sdk}.${form}`;
      expect(series.map((one) => one.id)).toEqual([`${id}.cpu`, `${id}.latency`]);
      for (const { id, rows } of series) {
        expect(rows.map(({ contender }) => contender)).toEqual(
          expect.arrayContaining(['mcp-tls', 'undici-fetch', 'floor']),
        );
        for (const { contender, value } of rows) {
          expect(value.median, `${id} ${contender}`).toBeGreaterThan(0);
        }
        expect(findRow(series, id, 'undici-fetch')?.ratios['undici-fetch']?.median).toBe(1);
      }
      const measured = targetsOf(20, series).filter(({ figure }) => figure !== undefined);
      expect(measured).toHaveLength(targets);
    },
    120_000,
  );

  it.each([
    ['at16', ['cpu'], 1],
    ['mixed', ['cpu', 'latency'], 1],
    ['sdk-server', ['cpu', 'latency'], 0],
  ])(
    "calls a tool in the setting '%s'",
    async (name, figures, targets) => {
      const series = await runCallsOver('v1', 'json', OPTIONS, settingOf(name));
      const ids = figures.map((figure) => `calls.v1.json.${name}.${figure}`);
      expect(series.map((one) => one.id)).toEqual(ids);
      const share = findRow(series, ids[0] ?? '', 'mcp-tls')?.ratios['undici-fetch']?.median;
      expect(share).toBeGreaterThan(0);
      const measured = targetsOf(20, series).filter(({ figure }) => figure !== undefined);
      expect(measured).toHaveLength(targets);
    },
    120_000,
  );
});
