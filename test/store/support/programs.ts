import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, join } from 'node:path';

/** Servers that are installed where that is possible: as root on Debian, a container or CI. */
const PACKAGES = { redis: 'redis-server', postgres: 'postgresql' } as const;

const APT = '/usr/bin/apt-get';

/** Where the program is, or `undefined`. PostgreSQL keeps its own out of the path on Debian. */
function find(names: readonly string[]): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    ...versions.map((version) => join(root, version, 'bin')),
  ];
  for (const name of names) {
    const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A program, installed if it is missing and this is a machine for that. Never a reason to skip a test. */
export function programFor(server: keyof typeof PACKAGES, names: readonly string[]): string {
  const found = find(names);
  if (found !== undefined) return found;
  const mayInstall = process.getuid?.() === 0 && existsSync(APT);
  if (mayInstall) {
    spawnSync(APT, ['update'], { stdio: 'ignore' });
    execFileSync(APT, ['install', '-y', PACKAGES[server]], { stdio: 'ignore' });
    const installed = find(names);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `These tests need ${names.join(' or ')}: install ${PACKAGES[server]}${server === 'redis' ? ', or set TEST_REDIS_URL' : ', or set TEST_POSTGRES_URL'}`,
  );
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

/** Tries until it works; the last error after `ms`. */
export async function eventually<T>(attempt: () => T | Promise<T>, ms = 10_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
