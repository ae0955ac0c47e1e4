import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installInCache } from '../install-in-cache.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const PROGRAM = join(import.meta.dirname, 'refused.mjs');
const TIMEOUT_MS = 60_000;
const CPU = process.arch === 'arm64' ? 'aarch64' : 'x64';
// The package that holds the binary: `bun` itself only installs one, by a script.
const BUN = `@oven/bun-${process.platform}-${CPU}`;

/** A runtime that is no Node.js, and what of the package it was refused by. */
export interface RefusedRuntime {
  readonly name: string;
  readonly refused: number;
  /** What connected or failed otherwise, and why. */
  readonly wrong: readonly string[];
}

/** Tries whatever connects under Deno and Bun: each has to be refused, with the code for it. */
export async function otherRuntimes(): Promise<readonly RefusedRuntime[]> {
  await installInCache('deno', 'deno@2');
  await installInCache('bun', `${BUN}@1`);
  const deno = join(cacheFolder('deno'), 'node_modules/.bin/deno');
  const bun = join(cacheFolder('bun'), 'node_modules', BUN, 'bin/bun');
  return [
    await tryRuntime('Deno', deno, ['run', '-A', '--node-modules-dir=manual', PROGRAM]),
    await tryRuntime('Bun', bun, [PROGRAM]),
  ];
}

async function tryRuntime(
  name: string,
  binary: string,
  args: readonly string[],
): Promise<RefusedRuntime> {
  const options = { cwd: ROOT, timeout: TIMEOUT_MS };
  const { stdout: version } = await run(binary, ['--version'], options);
  const named = `${name} ${/\d+\.\d+\.\d+/.exec(version)?.[0]}`;
  try {
    const { stdout } = await run(binary, [...args], options);
    const codes: Record<string, string> = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
    const wrong = Object.entries(codes)
      .filter(([, code]) => code !== 'MCP_TLS_UNSUPPORTED_RUNTIME')
      .map(([what, code]) => `${what}: ${code}`);
    return { name: named, refused: Object.keys(codes).length - wrong.length, wrong };
  } catch (error) {
    return { name: named, refused: 0, wrong: [String(error)] };
  }
}
