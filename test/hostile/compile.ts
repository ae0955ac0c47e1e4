/** The processes of a run as plain JavaScript: a TypeScript loader in them would be part of what is measured. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';

const ROOT = join(import.meta.dirname, '../..');
/** Of this run. */
const COMPILED = join(ROOT, '.cache/hostile', String(process.pid));

const PROGRAMS = ['servers', 'contender', 'gateway', 'gateway-servers'] as const;
export type Program = (typeof PROGRAMS)[number];

export async function compile(): Promise<void> {
  process.once('exit', () => rmSync(COMPILED, { recursive: true, force: true }));
  await build({
    config: false,
    entry: Object.fromEntries(
      PROGRAMS.map((name) => [name, join(ROOT, 'test/hostile', `${name}.ts`)]),
    ),
    outDir: COMPILED,
    format: ['esm'],
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    platform: 'node',
    skipNodeModulesBundle: true,
    removeNodeProtocol: false,
    silent: true,
  });
}

export function compiled(program: Program): string {
  return join(COMPILED, `${program}.mjs`);
}
