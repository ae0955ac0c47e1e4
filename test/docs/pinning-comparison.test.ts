import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BATTERY_CHECKS } from '../../src/testing/battery/battery-checks.js';
import { CONTENDERS } from '../comparison/contenders.js';
import { plain } from '../comparison/format-comparison.js';

/**
 * The generated comparison is committed, as it takes minutes to make. It fails here when it is about
 * other checks or other clients than there are now: then `npm run compare:pinning` makes it anew.
 */

const text = readFileSync(join(import.meta.dirname, '../../docs/pinning-comparison.md'), 'utf8');
const section = (title: string): string =>
  text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';

describe('docs/pinning-comparison.md', () => {
  it('is about every check of the battery, and about no other', () => {
    const listed = [...section('Every check').matchAll(/^\| `([^`]+)`<br>/gm)].map(([, id]) => id);
    expect(listed.length).toBeGreaterThan(100);
    expect(listed.toSorted()).toEqual(BATTERY_CHECKS.map(({ id }) => id).toSorted());
  });

  it('says what was expected of each', () => {
    for (const { expected, id, name } of BATTERY_CHECKS) {
      expect(text).toContain(`| \`${id}\`<br>${plain(name)} | ${expected} |`);
    }
  });

  it('is about every client, on Node.js 20 and 24', () => {
    expect(CONTENDERS.length).toBeGreaterThanOrEqual(9);
    for (const { how, name } of CONTENDERS) {
      expect(section('The clients')).toContain(`- **${name}**: ${how}`);
      for (const line of [20, 24]) expect(section('Summary')).toContain(`| ${name} | ${line} |`);
      expect(text).toContain(`### ${name}\n`);
    }
  });

  it('has a result in every cell', () => {
    const rows = section('Every check').match(/^\| `.*$/gm) ?? [];
    for (const row of rows) {
      const cells = row.split(/(?<!\\)\|/).slice(3, -1);
      expect(cells).toHaveLength(CONTENDERS.length);
      for (const cell of cells) expect(cell).toMatch(/^ [^ ?]/);
    }
  });
});
