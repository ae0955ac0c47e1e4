/**
 * Disables the guards of scripts/mutation-list.ts one at a time, in a copy of this tree, and runs the
 * tests that are named for each. A guard that can be disabled without a test failing is not tested.
 *
 *   tsx scripts/mutations.ts [parts of ids]
 *
 * Exits with 1 if one survives, if the text of one is not found exactly once, or if its tests do not
 * pass without it, or do not run.
 */
import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { MUTATIONS, type Mutation } from './mutation-list.js';
import { type Cell, printTable } from './table.js';
import { runVitest, type VitestRun } from './vitest-run.js';

type Outcome = 'killed' | 'survived' | 'did not run' | 'red without it';

const ROOT = join(import.meta.dirname, '..');
await assertFound(MUTATIONS);
const parts = process.argv.slice(2);
const chosen = MUTATIONS.filter(
  ({ id }) => parts.length === 0 || parts.some((part) => id.includes(part)),
);
if (chosen.length === 0) throw new Error(`no mutation has ${parts.join(' or ')} in its id`);

const copy = await copyTree();
const sound = new Map<string, boolean>();
const rows: Cell[][] = [];
let bad = 0;
try {
  for (const mutation of chosen) {
    const begin = performance.now();
    const outcome = await tryMutation(mutation);
    if (outcome !== 'killed') bad += 1;
    const seconds = ((performance.now() - begin) / 1000).toFixed(0);
    console.log(`${outcome.padEnd(14)} ${seconds.padStart(4)} s  ${mutation.id}`);
    rows.push([
      { text: outcome, colour: outcome === 'killed' ? 'green' : 'red' },
      mutation.id,
      mutation.guards,
    ]);
  }
} finally {
  await rm(copy, { recursive: true, force: true });
}
console.log();
printTable(['outcome', 'mutation', 'the guard'], rows);
console.log(`\n${chosen.length - bad} of ${chosen.length} killed`);
process.exitCode = bad === 0 ? 0 : 1;

/** Before anything runs: a list that is not kept says nothing. */
async function assertFound(mutations: readonly Mutation[]): Promise<void> {
  const wrong: string[] = [];
  const ids = new Set<string>();
  for (const { id, file, find, replace } of mutations) {
    const text = await readFile(join(ROOT, file), 'utf8').catch(() => '');
    const times = text.split(find).length - 1;
    if (times !== 1) wrong.push(`${id}: ${file} has its text ${times} times`);
    if (find === replace) wrong.push(`${id}: changes nothing`);
    if (ids.has(id)) wrong.push(`${id}: is there twice`);
    ids.add(id);
  }
  if (wrong.length > 0) throw new Error(`the list is out of date:\n${wrong.join('\n')}`);
}

/** What git knows of, as it is now; no build, no dependencies of its own. */
async function copyTree(): Promise<string> {
  const { stdout } = await promisify(execFile)(
    'git',
    ['ls-files', '--cached', '--others', '--exclude-standard', '-z'],
    { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 },
  );
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-mutations-'));
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(join(folder, dirname(file)), { recursive: true });
    // A file that was deleted and is still known to git is no part of the tree.
    await copyFile(join(ROOT, file), join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  await symlink(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

async function tryMutation({ file, find, replace, tests }: Mutation): Promise<Outcome> {
  const key = tests.join(' ');
  if (!sound.has(key)) sound.set(key, (await runTests(tests)).ok);
  if (sound.get(key) !== true) return 'red without it';
  const path = join(copy, file);
  const original = await readFile(path, 'utf8');
  await writeFile(
    path,
    original.replace(find, () => replace),
  );
  try {
    const { failed, ok, passed } = await runTests(tests);
    if (ok) return 'survived';
    // A file that does not load fails without a test that does.
    return failed > 0 ? 'killed' : passed > 0 ? 'survived' : 'did not run';
  } finally {
    await writeFile(path, original);
  }
}

function runTests(tests: readonly string[]): Promise<VitestRun> {
  return runVitest(process.execPath, ['--bail=1', ...tests], {}, copy);
}
