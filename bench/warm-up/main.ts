/**
 * What a call costs a process that has made few calls before, and one that has made many.
 *
 *   npm run bench:warm-up -- calls v1 json mcp-tls undici-fetch
 *   npm run bench:warm-up -- connect ca-only tls-connect --most 4000
 *   npm run bench:warm-up -- raw 16 mcp-tls undici-dispatch --node 24
 *
 * The first word is the part of the suite, then what it is told, then the contenders, each in a process of its own
 * (for `calls`, settings of one process are not for this). They take turns, a batch each. Prints the CPU time
 * of a call in microseconds, the median of the batches since the line before, and its ratio to the last contender's.
 */
import { parseArgs } from 'node:util';
import { nodeLines } from '../../scripts/node-lines.js';
import { printTable } from '../../scripts/table.js';
import { openSubject, type Subject } from '../profile/open-subject.js';
import { compile } from '../support/compile.js';
import { makeProcesses } from '../support/start-process.js';
import { median } from '../support/statistics.js';

/** Words of each part that stand before its contenders. */
const HEAD_WORDS: Readonly<Record<string, number>> = { calls: 3, raw: 2, connect: 1 };
const BATCHES_A_LINE = 5;

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    setting: { type: 'string', default: 'alone' },
    node: { type: 'string', default: process.versions.node.split('.')[0] ?? '' },
    most: { type: 'string', default: '16000' },
  },
});
const headWords = HEAD_WORDS[positionals[0] ?? ''] ?? 1;
const head = positionals.slice(0, headWords);
const contenders = positionals.slice(headWords);

await compile();
const [node] = await nodeLines([Number(values.node)]);
if (node === undefined) throw new Error(`no Node.js ${values.node}`);
await using processes = makeProcesses();
const subjects = new Map<string, Subject>();
for (const contender of contenders) {
  const options = { binary: node.binary, setting: values.setting };
  subjects.set(contender, await openSubject(processes, [...head, contender], options));
}
const rows: string[][] = [];
for (let before = 0, size = 20; before < Number(values.most); size *= 2) {
  const costs = new Map<string, number[]>(contenders.map((one) => [one, []]));
  for (let batch = 0; batch < BATCHES_A_LINE; batch++) {
    for (const [one, subject] of subjects) costs.get(one)?.push((await subject.batch(size)).cpuUs);
  }
  rows.push([`${before} to ${before + BATCHES_A_LINE * size}`, ...cellsOf(costs)]);
  before += BATCHES_A_LINE * size;
}
console.log(`\n${head.join(' ')}, ${values.setting}, Node.js ${node.version}\n`);
printTable(['calls', ...contenders.flatMap((one) => [one, 'ratio'])], rows);

function cellsOf(costs: ReadonlyMap<string, readonly number[]>): string[] {
  const base = costs.get(contenders.at(-1) ?? '') ?? [];
  return [...costs.values()].flatMap((batches) => {
    const ratios = batches.map((us, i) => us / (base[i] ?? Number.NaN));
    return [median(batches).toFixed(0), median(ratios).toFixed(2)];
  });
}
