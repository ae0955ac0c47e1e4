/**
 * Programs that a test starts as processes of their own, as plain JavaScript: a TypeScript loader in them costs time,
 * memory and descriptors that are not theirs.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';

const ROOT = join(import.meta.dirname, '../..');

/** Below the packages' folder, and of this run. */
const compiledIn = (folder: string): string =>
  join(ROOT, '.cache/programs', folder, String(process.pid));

/**
 * Compiles them; what is compiled is deleted when this process exits.
 *
 * @param folder of the programs, below the root
 * @param names of their files, without `.ts`
 */
export async function compilePrograms(folder: string, names: readonly string[]): Promise<void> {
  const outDir = compiledIn(folder);
  process.once('exit', () => rmSync(outDir, { recursive: true, force: true }));
  await build({
    config: false,
    entry: Object.fromEntries(names.map((name) => [name, join(ROOT, folder, `${name}.ts`)])),
    outDir,
    format: ['esm'],
    outExtension: () => ({ js: '.mjs' }),
    target: 'node20',
    platform: 'node',
    skipNodeModulesBundle: true,
    removeNodeProtocol: false,
    silent: true,
  });
}

/** Where {@link compilePrograms} has put it. */
export function compiledProgram(folder: string, name: string): string {
  return join(compiledIn(folder), `${name}.mjs`);
}
