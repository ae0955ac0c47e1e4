import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const NPM = process.platform === 'win32' ? 'npm.cmd' : 'npm';

export interface InstalledPackage {
  readonly bytes: number;
  /** It and all that it depends on. */
  readonly packages: number;
}

/** Installs packages as a user would, each in a folder of its own; ours is packed first. */
export async function installPackages(
  names: readonly string[],
): Promise<ReadonlyMap<string, InstalledPackage>> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-installed-'));
  try {
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder];
    const { stdout } = await run(NPM, pack, { cwd: ROOT });
    const tarball = join(folder, stdout.trim());
    const { version } = JSON.parse(await undiciManifest());
    const sources: Record<string, string> = { 'mcp-tls': tarball, undici: `undici@${version}` };
    const installed = new Map<string, InstalledPackage>();
    for (const name of names) {
      const source = sources[name];
      if (source === undefined) throw new Error(`no package '${name}'`);
      installed.set(name, await install(source, join(folder, `with-${name}`)));
    }
    return installed;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function install(source: string, folder: string): Promise<InstalledPackage> {
  await mkdir(folder);
  // A package.json of its own, so that npm does not walk up.
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  const flags = ['--omit=dev', '--no-audit', '--no-fund', '--silent'];
  await run(NPM, ['install', ...flags, source], { cwd: folder });
  const { stdout } = await run(NPM, ['ls', '--all', '--parseable'], { cwd: folder });
  // The first line is the folder itself.
  const packages = stdout.trim().split('\n').length - 1;
  return { packages, bytes: await sizeOf(join(folder, 'node_modules')) };
}

async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = files.map(
    async ({ name, parentPath }) => (await stat(join(parentPath, name))).size,
  );
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

function undiciManifest(): Promise<string> {
  return readFile(join(ROOT, 'node_modules/undici/package.json'), 'utf8');
}
