import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder } from '../../scripts/install-in-cache.js';
import { npmInstall } from '../support/packed.js';
import type { Host } from './hosts.js';

/** Installs a host and the package into a folder of the cache; what others wrote stays there. */
export async function installHost(
  { name, packages, shown }: Host,
  tarball: string,
): Promise<{ cwd: string; version: string }> {
  const cwd = cacheFolder(`hosts/${name.replace(/\W+/g, '-')}`);
  await mkdir(cwd, { recursive: true });
  await rm(join(cwd, 'node_modules/mcp-tls'), { recursive: true, force: true });
  await writeFile(join(cwd, 'package.json'), '{ "private": true }\n');
  await npmInstall(cwd, [tarball, ...packages]);
  const manifest = await readFile(join(cwd, 'node_modules', shown, 'package.json'), 'utf8');
  return { cwd, version: JSON.parse(manifest).version };
}
