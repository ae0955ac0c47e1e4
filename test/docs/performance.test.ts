import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { drawBars } from '../../bench/document/draw-bars.js';
import { PLOTS } from '../../bench/document/plots.js';
import { writeFigures } from '../../bench/document/write-figures.js';
import { type Results, readResults } from '../../bench/support/results.js';

/** What is written is what was measured: else `npm run bench:document` writes it anew. */

const DOCS = join(import.meta.dirname, '../../docs');
const document = readFileSync(join(DOCS, 'performance.md'), 'utf8');

async function committedRuns(): Promise<Results[]> {
  const runs = await Promise.all([20, 24].map(readResults));
  return runs.filter((run) => run !== undefined);
}

describe('docs/performance.md', () => {
  it('has the figures of bench/results', async () => {
    const runs = await committedRuns();
    expect(runs.map(({ node }) => node.split('.')[0])).toEqual(['20', '24']);
    expect(writeFigures(document, runs)).toBe(document);
    expect(document.match(/^\| /gm)?.length).toBeGreaterThan(100);
  });

  it.each(Object.entries(PLOTS))('has the plot %s as of bench/results', async (name, plot) => {
    const file = readFileSync(join(DOCS, 'plots', `${name}.svg`), 'utf8');
    expect(file).toBe(await drawBars(plot, await committedRuns()));
    expect(document).toContain(`(plots/${name}.svg)`);
  });
});
