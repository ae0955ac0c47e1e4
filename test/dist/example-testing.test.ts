import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

/** examples/testing as somebody else's project: elsewhere, with the tarball, under both runners. */

const run = promisify(execFile);
const EXAMPLE = join(import.meta.dirname, '../../examples/testing');
/** The client's one line that all of its trust hangs on. */
const VERIFIES = 'rejectUnauthorized: true';

let folder: string;
let client: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-example-'));
  // What somebody installed beside the sources is not part of the example.
  const filter = (source: string) =>
    !['node_modules', 'package-lock.json'].includes(basename(source)) && !source.endsWith('.tgz');
  await cp(EXAMPLE, folder, { recursive: true, filter });
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'];
  await run('npm', ['install', '--ignore-scripts', ...flags, inject('tarball')], { cwd: folder });
  client = await readFile(join(folder, 'pinned-client.js'), 'utf8');
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Outcome {
  readonly ok: boolean;
  readonly output: string;
}

async function script(name: string): Promise<Outcome> {
  // As in a shell of its own: vitest and node:test tell their children about themselves.
  const { NODE_TEST_CONTEXT: _, VITEST: __, ...env } = process.env;
  const options = { cwd: folder, env: { ...env, NO_COLOR: '1' }, maxBuffer: 1e8 };
  try {
    const { stdout, stderr } = await run('npm', ['run', name], options);
    return { ok: true, output: stdout + stderr };
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    return { ok: false, output: stdout + stderr };
  }
}

const RUNNERS: readonly [name: string, passed: RegExp][] = [
  ['test:vitest', /Tests +(\d+) passed/],
  ['test:node', /^\S+ pass (\d+)$/m],
];

describe.each(RUNNERS)('the example of a pinned client, npm run %s', (name, passed) => {
  it('passes its own pinning tests, under both runners', async () => {
    await writeFile(join(folder, 'pinned-client.js'), client);
    const { ok, output } = await script(name);
    expect(output).toMatch(passed);
    expect(Number(passed.exec(output)?.[1])).toBeGreaterThan(100);
    expect(output).not.toMatch(/^not ok|✖|FAIL/m);
    expect(ok).toBe(true);
  }, 120_000);

  it('fails with a client that does not verify, and says which attacks came off', async () => {
    expect(client).toContain(VERIFIES);
    const broken = client.replace(VERIFIES, 'rejectUnauthorized: false');
    await writeFile(join(folder, 'pinned-client.js'), broken);
    const { ok, output } = await script(name);
    expect(ok).toBe(false);
    expect(output).toContain('impostor-self-signed');
    expect(output).toMatch(/expected refused, got/);
  }, 120_000);
});

it('has a test of one line in each of the files', async () => {
  for (const file of ['pinned-client.test.js', 'pinned-client.node.js']) {
    const text = await readFile(join(EXAMPLE, file), 'utf8');
    expect(text.match(/^(?!import )\S.*$/gm)).toEqual([
      'definePinningTests({ describe, it }, makePinnedFetch, options);',
    ]);
  }
});
