import { join } from 'node:path';
import { build } from 'tsup';

const ROOT = join(import.meta.dirname, '../..');
const COMPILED = join(ROOT, '.cache/bench');

/** The programs that run as processes of their own. */
const PROGRAMS = {
  server: 'bench/server/main.ts',
  calls: 'bench/calls/process.ts',
  raw: 'bench/raw/process.ts',
  factory: 'bench/factory/process.ts',
  connect: 'bench/connect/process.ts',
  memory: 'bench/memory/process.ts',
  start: 'bench/start/process.ts',
} as const;

export type Program = keyof typeof PROGRAMS;

/**
 * Compiles the measuring processes to plain JavaScript: a TypeScript loader in them would cost time
 * and memory of its own. They import mcp-tls by its name, and so the build in dist/.
 */
export async function compile(): Promise<void> {
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
