// Every option with every mistake, over the installed package: as ESM, or with the argument `cjs`.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { optionTable, summary } from './option-table.mjs';

process.removeAllListeners('warning');
const require = createRequire(import.meta.url);
const load = process.argv[2] === 'cjs' ? (name) => require(name) : (name) => import(name);
const [index, redis, store, testing, v2] = await Promise.all(
  ['mcp-tls', 'mcp-tls/redis', 'mcp-tls/store', 'mcp-tls/testing', 'mcp-tls/v2'].map(load),
);
const { wrong, ...counts } = summary(await optionTable({ index, redis, store, testing, v2 }));
assert.deepEqual(wrong, []);
console.log(JSON.stringify(counts));
