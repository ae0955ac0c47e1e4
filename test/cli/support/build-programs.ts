import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'tsup';

/** What is started as a process, built from the sources. */
export interface Programs {
  /** `mcp-tls` */
  readonly cli: string;
  /** `mcp-tls/register` */
  readonly register: string;
  remove(): void;
}

const ROOT = join(import.meta.dirname, '../../..');

/** Once for a file of tests: to compile as it starts takes each process seconds. */
export async function buildPrograms(): Promise<Programs> {
  // Below the packages, which are imported.
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'cli-'));
  await build({
    entry: { cli: join(ROOT, 'src/cli/main.ts'), register: join(ROOT, 'src/register.ts') },
    outDir: join(folder, 'dist'),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    removeNodeProtocol: false,
    config: false,
    dts: false,
    clean: false,
    silent: true,
    outExtension: () => ({ js: '.mjs' }),
  });
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  return { cli: join(folder, 'dist/cli.mjs'), register: join(folder, 'dist/register.mjs'), remove };
}
