import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Real counterparts of our clients and stores, and the Debian packages that bring them. */
const PACKAGES = {
  openssl: 'openssl',
  nginx: 'nginx-light',
  'redis-server': 'redis-server',
  postgres: 'postgresql',
  chromium: 'chromium',
  curl: 'curl',
  tmux: 'tmux',
  etcd: 'etcd-server',
  // The second has a program that the first needs to make its files.
  mariadbd: 'mariadb-server-core mariadb-client-core',
  haproxy: 'haproxy',
  apache2: 'apache2-bin',
} as const;

export type DebianProgram = keyof typeof PACKAGES;

/** Of `npm run test:faults:store` and `npm run test:mtls` alone, which install them themselves. */
const RARE: ReadonlySet<string> = new Set<DebianProgram>([
  'etcd',
  'mariadbd',
  'haproxy',
  'apache2',
]);

/** What does as well. */
const ALTERNATIVES: Partial<Record<DebianProgram, string>> = { 'redis-server': 'valkey-server' };

/**
 * The path of a program that tests need. If it is not there, it is installed from Debian's packages
 * where that is possible (root on Debian: a container, CI); anywhere else this throws and says what to
 * install. It never skips.
 */
export async function debianProgram(name: DebianProgram): Promise<string> {
  const found = find(name);
  if (found !== undefined) return found;
  if (!mayInstall()) {
    throw new Error(`these tests need ${name}: install it (Debian: ${PACKAGES[name]})`);
  }
  await install([name]);
  const installed = find(name);
  if (installed === undefined) throw new Error(`${PACKAGES[name]} brought no ${name}`);
  return installed;
}

/** Installs whatever is missing, where that is possible. */
export async function installPrograms(): Promise<void> {
  const names = Object.keys(PACKAGES) as DebianProgram[];
  const missing = names.filter((name) => !RARE.has(name) && find(name) === undefined);
  if (missing.length === 0 || !mayInstall()) return;
  console.log(`installing ${missing.map((name) => PACKAGES[name]).join(', ')} ...`);
  await install(missing);
}

const mayInstall = (): boolean => process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');

async function install(names: readonly DebianProgram[]): Promise<void> {
  const packages = names.map((name) => PACKAGES[name]);
  const wait = ['-q', '-o', 'DPkg::Lock::Timeout=600'];
  const add = ['apt-get', 'install', ...wait, '-y', '--no-install-recommends', ...packages];
  // Without lists of packages, or with old ones, the first attempt fails.
  const script = `${add.join(' ')} || { apt-get update -q && ${add.join(' ')}; }`;
  const lock = join(tmpdir(), 'mcp-tls-apt.lock');
  // policy-rc.d keeps a package from starting a service of its own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  await run('flock', [lock, 'sh', '-c', script], { env, maxBuffer: 2 ** 26 });
}

/** PostgreSQL keeps its programs out of the path on Debian. */
function find(name: DebianProgram): string | undefined {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/local/sbin',
    ...versions.map((version) => join(root, version, 'bin')),
  ];
  for (const one of [name, ALTERNATIVES[name]]) {
    if (one === undefined) continue;
    const path = folders.map((folder) => join(folder, one)).find((file) => existsSync(file));
    if (path !== undefined) return path;
  }
  return undefined;
}
