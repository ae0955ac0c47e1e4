/**
 * Prints what each export costs whoever bundles it, alone: by esbuild, minified and gzipped, from the built
 * package.
 *
 *   npm run sizes [parts of names]
 *
 * `own`: the code of this package. `at load`: with its dependencies, without what is loaded on demand.
 */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { bundleSize } from './bundle-size.js';
import { printTable } from './table.js';

const DIST = join(import.meta.dirname, '../dist');
const ENTRIES = {
  'mcp-tls': 'index',
  'mcp-tls/core': 'core',
  'mcp-tls/redis': 'redis',
  'mcp-tls/store': 'store',
  'mcp-tls/testing': 'testing',
  'mcp-tls/v2': 'v2',
};

const parts = process.argv.slice(2);
const rows: string[][] = [];
for (const [entry, name] of Object.entries(ENTRIES)) {
  const file = join(DIST, `${name}.js`);
  const exports = Object.keys(await import(pathToFileURL(file).href)).sort();
  const wanted = exports.filter((one) => parts.length === 0 || parts.some((p) => one.includes(p)));
  for (const one of wanted) rows.push([entry, one, ...(await sizes(file, [one]))]);
  if (parts.length === 0) rows.push([entry, '(everything)', ...(await sizes(file, exports))]);
}
printTable(['Entry', 'Export', 'own kB', 'gzipped', 'at load kB', 'gzipped'], rows);

async function sizes(file: string, names: readonly string[]): Promise<string[]> {
  const own = await bundleSize(file, names, false);
  const all = await bundleSize(file, names, true);
  return [own.bytes, own.gzipped, all.bytes, all.gzipped].map((n) => (n / 1_000).toFixed(1));
}
