import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../scripts/install-in-cache.js';
import type { Host } from './hosts.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');

/** Packs the package, and gives the path of the tarball. */
export async function packOurs(): Promise<string> {
  const folder = cacheFolder('hosts/packed');
  await mkdir(folder, { recursive: true });
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const { stdout } = await run('npm', args, { cwd: ROOT });
  return join(folder, JSON.parse(stdout)[0].filename);
}

/** Installs a host and the package into a folder of the cache; what others wrote stays there. */
export async function installHost(
  { name, packages, shown }: Host,
  tarball: string,
): Promise<{ cwd: string; version: string }> {
  const cwd = cacheFolder(`hosts/${name.replace(/\W+/g, '-')}`);
  await mkdir(cwd, { recursive: true });
  await rm(join(cwd, 'node_modules/mcp-tls'), { recursive: true, force: true });
  await writeFile(join(cwd, 'package.json'), '{ "private": true }\n');
  const flags = [
    '--ignore-scripts',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--no-package-lock',
  ];
  await run('npm', ['install', ...flags, tarball, ...packages], { cwd, maxBuffer: 1e8 });
  const manifest = await readFile(join(cwd, 'node_modules', shown, 'package.json'), 'utf8');
  return { cwd, version: JSON.parse(manifest).version };
}
