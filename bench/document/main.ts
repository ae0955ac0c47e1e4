/**
 * Writes the tables of docs/performance.md and the plots in docs/plots from bench/results.
 *
 *   npm run bench:document
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readResults } from '../support/results.js';
import { drawBars } from './draw-bars.js';
import { PLOTS } from './plots.js';
import { writeFigures } from './write-figures.js';

const DOCS = join(import.meta.dirname, '../../docs');
const DOCUMENT = join(DOCS, 'performance.md');

const runs = (await Promise.all([20, 24].map(readResults))).filter((run) => run !== undefined);
await writeFile(DOCUMENT, writeFigures(await readFile(DOCUMENT, 'utf8'), runs));
await mkdir(join(DOCS, 'plots'), { recursive: true });
for (const [name, plot] of Object.entries(PLOTS)) {
  await writeFile(join(DOCS, 'plots', `${name}.svg`), await drawBars(plot, runs));
}
