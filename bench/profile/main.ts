/**
 * Where the CPU time of one contender goes, in one setting.
 *
 *   npm run bench:profile -- calls v1 sse mcp-tls                    alone, one call after the other
 *   npm run bench:profile -- calls v1 json mcp-tls --setting mixed   see bench/calls/settings.ts
 *   npm run bench:profile -- connect ca-only                         new connections
 *   npm run bench:profile -- raw 16 mcp-tls                          small POSTs, 16 at a time
 *   ... --count 20000 --node 24 --functions 40
 *
 * Prints a table by owner and one of the functions that take most, in microseconds a call, and writes a
 * flame graph to docs/plots/profile-NAME.svg and the profile beside the compiled programs' folder, in
 * .cache/profiles/NAME.cpuprofile.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nodeLines } from '../../scripts/node-lines.js';
import { printTable } from '../../scripts/table.js';
import { compile } from '../support/compile.js';
import { makeProcesses } from '../support/start-process.js';
import { drawFlames } from './draw-flames.js';
import { openSubject } from './open-subject.js';
import { OWNERS } from './owner-of.js';
import { type Frame, framesOf, readProfile } from './read-profile.js';

const ROOT = join(import.meta.dirname, '../..');
const PROFILES = join(ROOT, '.cache/profiles');
const PLOTS = join(ROOT, 'docs/plots');

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    setting: { type: 'string', default: 'alone' },
    count: { type: 'string' },
    node: { type: 'string', default: process.versions.node.split('.')[0] ?? '' },
    functions: { type: 'string', default: '25' },
  },
});

await compile();
const [node] = await nodeLines([Number(values.node)]);
if (node === undefined) throw new Error(`no Node.js ${values.node}`);
const { setting } = values;
const name = [...positionals, ...(setting === 'alone' ? [] : [setting]), `node${node.line}`].join(
  '-',
);
const file = join(PROFILES, `${name}.cpuprofile`);
await mkdir(PROFILES, { recursive: true });
const { count, cpuUs } = await profile();
const root = await readProfile(file);
printOwners(root, count, cpuUs);
printFunctions(root, count);
const plot = join(PLOTS, `profile-${name}.svg`);
await writeFile(
  plot,
  drawFlames(`CPU profile: ${positionals.join(' ')}, ${setting}, Node.js ${node.version}`, root),
);
console.log(`\n${file}\n${plot}`);

/** @returns how many calls were made, and the CPU time of one */
async function profile(): Promise<{ count: number; cpuUs: number }> {
  await using processes = makeProcesses();
  const binary = node?.binary ?? process.execPath;
  const subject = await openSubject(processes, positionals, { binary, setting });
  const count = Number(values.count ?? subject.count);
  await subject.warmUp();
  await subject.process.call('startProfile');
  const { cpuUs } = await subject.batch(count);
  await subject.process.call('stopProfile', file);
  return { count, cpuUs };
}

function printOwners(root: Frame, count: number, cpuUs: number): void {
  const rows = OWNERS.map((owner) => {
    const frames = [...framesOf(root)].filter((frame) => frame.owner === owner);
    const us = frames.reduce((sum, { selfUs }) => sum + selfUs, 0);
    return [owner, (us / count).toFixed(1), `${((us / root.totalUs) * 100).toFixed(1)} %`];
  });
  console.log(
    `\n${positionals.join(' ')}, ${setting}, Node.js ${node?.version}: ${count} calls, ${cpuUs.toFixed(0)} µs of CPU time each, profiler included\n`,
  );
  printTable(['owner', 'µs a call', 'share'], rows);
}

function printFunctions(root: Frame, count: number): void {
  const functions = new Map<string, { name: string; owner: string; us: number }>();
  for (const { name, owner, selfUs } of framesOf(root)) {
    const key = `${owner}/${name}`;
    const one = functions.get(key) ?? { name, owner, us: 0 };
    one.us += selfUs;
    functions.set(key, one);
  }
  const most = [...functions.values()].sort((a, b) => b.us - a.us);
  console.log();
  printTable(
    ['function', 'owner', 'µs a call'],
    most
      .slice(0, Number(values.functions))
      .map(({ name, owner, us }) => [name, owner, (us / count).toFixed(2)]),
  );
}
