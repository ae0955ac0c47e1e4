import { rmSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'tsup';

const ROOT = join(import.meta.dirname, '../..');

/** Of this run: what another one compiles, or a new build, does not change what is being measured. */
export const COMPILED: string = join(ROOT, '.cache/bench', String(process.pid));

/** The programs that run as processes of their own. */
const PROGRAMS = {
  server: 'bench/server/main.ts',
  calls: 'bench/calls/process.ts',
  raw: 'bench/raw/process.ts',
  factory: 'bench/factory/process.ts',
  connect: 'bench/connect/process.ts',
  memory: 'bench/memory/process.ts',
  registry: 'bench/registry/process.ts',
  start: 'bench/start/process.ts',
} as const;

export type Program = keyof typeof PROGRAMS;

/**
 * Compiles the measuring processes to plain JavaScript: a TypeScript loader in them would cost time
 * and memory of its own. They import mcp-tls by its name, and get a copy of the build in dist/.
 */
export async function compile(): Promise<void> {
  process.once('exit', () => rmSync(COMPILED, { recursive: true, force: true }));
  const copy = join(COMPILED, 'node_modules/mcp-tls');
  await mkdir(copy, { recursive: true });
  await cp(join(ROOT, 'dist'), join(copy, 'dist'), { recursive: true });
  await cp(join(ROOT, 'package.json'), join(copy, 'package.json'));
  // Without a package of their own, the programs would be part of ours, and import dist/ itself.
  await writeFile(join(COMPILED, 'package.json'), '{ "private": true, "type": "module" }\n');
  await build({
    config: false,
    entry: Object.fromEntries(
      Object.entries(PROGRAMS).map(([name, file]) => [name, join(ROOT, file)]),
    ),
    outDir: COMPILED,
    format: ['esm'],
    target: 'node20',
    platform: 'node',
    skipNodeModulesBundle: true,
    removeNodeProtocol: false,
    silent: true,
  });
}

export function compiled(program: Program): string {
  return join(COMPILED, `${program}.js`);
}
