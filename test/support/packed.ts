import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** Packs the package into a folder, as npm would publish it. Builds nothing. */
export async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  await mkdir(folder, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: ROOT });
  const [{ filename, files }] = JSON.parse(stdout);
  return {
    tarball: join(folder, filename),
    files: files.map(({ path }: { path: string }) => path),
  };
}

/** Installs packages into a folder that has a package.json, and writes no lock file. */
export async function npmInstall(folder: string, packages: readonly string[]): Promise<void> {
  const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--no-package-lock'];
  await run('npm', ['install', '--ignore-scripts', ...flags, ...packages], {
    cwd: folder,
    maxBuffer: 1e8,
  });
}
