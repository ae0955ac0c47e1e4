/**
 * Completes package-lock.json with the packages for other platforms that the registry at hand does
 * not have.
 *
 *   npm run lock    after every change of a dependency
 *
 * biome, oxc-parser and rollup bring their binaries as one optional package for each platform. npm
 * leaves those out of the lock that it could not look up when it wrote it, and then `npm ci` refuses
 * the lock as incomplete, on every platform. npm never downloads what is for another platform, so
 * such an entry needs what tells it that: name, version, system, processor.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FILE = join(import.meta.dirname, '../package-lock.json');
const SYSTEMS =
  /(?<=-)(?:aix|android|darwin|freebsd|linux|netbsd|openbsd|openharmony|sunos|win32)(?=-|$)/;
const PROCESSORS =
  /(?<=-)(?:arm|arm64|ia32|loong64|mips64el|ppc64|riscv64|s390x|wasm32|x64)(?=-|$)/;

interface LockedPackage {
  readonly dev?: boolean;
  readonly resolved?: string;
  readonly link?: boolean;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const lock = JSON.parse(readFileSync(FILE, 'utf8'));
const packages: Record<string, LockedPackage> = lock.packages;
const missing = Object.entries(packages).flatMap(([path, { optionalDependencies, dev }]) =>
  Object.entries(optionalDependencies ?? {})
    .filter(([name]) => !isLocked(name, path))
    .map(([name, version]) => [`node_modules/${name}`, platformEntry(name, version, dev)] as const),
);

// What lies in this repository has a path.
const addresses = Object.values(packages).filter(
  ({ resolved, link }) => resolved !== undefined && link !== true,
);
if (addresses.length > 0) throw new Error('the lock has download addresses: see .npmrc');

// npm sorts by path, the project itself first.
const completed = Object.entries({ ...packages, ...Object.fromEntries(missing) });
lock.packages = Object.fromEntries(completed.sort(([a], [b]) => a.localeCompare(b, 'en')));
writeFileSync(FILE, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`${missing.length} packages for other platforms added to the lock`);

/** Whether `name` is found from the package at `path`, as Node.js would look for it. */
function isLocked(name: string, path: string): boolean {
  for (let at = path; ; at = at.slice(0, Math.max(at.lastIndexOf('/node_modules/'), 0))) {
    if (`${at === '' ? '' : `${at}/`}node_modules/${name}` in packages) return true;
    if (at === '') return false;
  }
}

function platformEntry(name: string, version: string, dev: boolean | undefined): object {
  const system = SYSTEMS.exec(name)?.[0];
  const processor = PROCESSORS.exec(name)?.[0];
  // Without both, npm would try to install it here too.
  if (system === undefined || processor === undefined || !/^\d+\.\d+\.\d+$/.test(version)) {
    throw new Error(`${name}@${version} is missing, and is not plainly for another platform`);
  }
  return {
    version,
    cpu: [processor],
    ...(dev && { dev }),
    ...(system === 'linux' && { libc: [name.includes('musl') ? 'musl' : 'glibc'] }),
    optional: true,
    os: [system],
  };
}
