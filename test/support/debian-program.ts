import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The path of a program that tests need as a real counterpart. If it is not there, it is installed
 * from Debian's packages where that is possible (root on Debian: a container, CI); anywhere else this
 * throws and says what to install. It never skips.
 */
export async function debianProgram(name: string, packageName: string): Promise<string> {
  const found = await find(name);
  if (found !== undefined) return found;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || (await find('apt-get')) === undefined) {
    throw new Error(
      `these tests need ${name}: install it (Debian: apt-get install ${packageName})`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', ['update', '-q'], { env });
  // policy-rc.d keeps the package from starting a service of its own.
  await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', packageName], {
    env: { ...env, RUNLEVEL: '1' },
  });
  const installed = await find(name);
  if (installed === undefined) throw new Error(`${packageName} brought no ${name}`);
  return installed;
}

async function find(name: string): Promise<string | undefined> {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/sbin'];
  for (const folder of folders) {
    const path = join(folder, name);
    try {
      await access(path);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
