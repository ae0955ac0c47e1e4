import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = join(import.meta.dirname, '..', '.cache');

/** A folder of the cache: what was installed there stays from run to run. */
export function cacheFolder(name: string): string {
  return join(CACHE, name);
}

/**
 * Installs an npm package into a folder of the cache, apart from our own dependencies: another Node.js line or
 * compiler, whose programs have the names of those that the project itself runs.
 *
 * @returns the folder of the package
 */
export async function installInCache(name: string, spec: string): Promise<string> {
  const folder = cacheFolder(name);
  await mkdir(folder, { recursive: true });
  // A package.json of its own, so that npm does not walk up to ours.
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts', '--silent'];
  await run(npm, ['install', ...flags, spec], { cwd: folder });
  return join(folder, 'node_modules', spec.replace(/(?<=.)@.*/, ''));
}
