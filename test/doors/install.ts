import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installInCache } from '../../scripts/install-in-cache.js';
import { npmInstall, pack } from '../support/packed.js';
import { BUN_PACKAGE } from './doors.js';

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, '../..');
const PROJECT = join(import.meta.dirname, 'project');

const TOOLS = [
  'jest@30',
  'ts-jest@29',
  '@types/jest@30',
  'typescript@5.9',
  'vitest@4',
  'mocha@11',
  'esbuild@0.28',
  'webpack@5',
  'rollup@4',
  '@rollup/plugin-node-resolve@16',
  '@rollup/plugin-commonjs@29',
  '@rollup/plugin-json@6',
  'postject@1.0.0-alpha.6',
];
// Those that hold the binary: the package `bun` only installs one, by a script.
const RUNTIMES = {
  bun: `${BUN_PACKAGE}@1`,
  deno: 'deno@2',
};
const MANAGERS = ['pnpm@10', 'yarn@1', '@yarnpkg/cli-dist@4'];

/**
 * Packs the package and installs it into the folder of each door; what others wrote stays in the cache.
 *
 * @param apart a folder outside of the checkout, whose packages are found from within it
 */
export async function installDoors(
  names: ReadonlySet<string>,
  apart: string,
): Promise<(name: string) => string> {
  const folder = (name: string) =>
    name === 'v2' ? join(apart, name) : cacheFolder(`doors/${name}`);
  const { tarball } = await pack(folder('packed'));
  const { devDependencies } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8'));
  const version = (name: string) => `${name}@${devDependencies[name]}`;
  const sdk = version('@modelcontextprotocol/sdk');
  const install = async (name: string, packages: readonly string[]) => {
    await prepare(folder(name));
    await npmInstall(folder(name), [tarball, version('@types/node'), ...packages]);
  };

  if (names.has('all')) {
    await install('all', [sdk, ...TOOLS]);
    for (const [name, spec] of Object.entries(RUNTIMES))
      await installInCache(`doors/${name}`, spec);
  }
  // The lowest version that package.json allows.
  if (names.has('floor')) await install('floor', ['@modelcontextprotocol/sdk@1.16.0']);
  if (names.has('v2')) await install('v2', [version('@modelcontextprotocol/client')]);
  if (names.has('next')) {
    await install('next', [sdk, 'next@16', 'react@19', 'react-dom@19']);
    // Next.js takes a tsconfig.json for a wish to use TypeScript.
    await rm(join(folder('next'), 'tsconfig.json'));
    await rm(join(folder('next'), 'typed.test.ts'));
    await cp(join(PROJECT, 'next'), folder('next'), { recursive: true });
  }
  const others = ['pnpm', 'yarn1', 'pnp'].filter((name) => names.has(name));
  if (others.length > 0) {
    await mkdir(folder('managers'), { recursive: true });
    await writeFile(join(folder('managers'), 'package.json'), '{ "private": true }\n');
    await npmInstall(folder('managers'), MANAGERS);
  }
  for (const name of others) {
    await prepare(folder(name));
    await writeFile(join(folder(name), 'package.json'), manifest(tarball, devDependencies));
    await installByOther(name, folder(name), join(folder('managers'), 'node_modules'));
  }
  return folder;
}

/** The project's files anew, and no package of ours from an earlier run. */
async function prepare(folder: string): Promise<void> {
  await rm(join(folder, 'node_modules/mcp-tls'), { recursive: true, force: true });
  await cp(PROJECT, folder, {
    recursive: true,
    filter: (path) => path !== join(PROJECT, 'next'),
  });
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
  const steps = await readFile(join(PROJECT, 'steps.mjs'), 'utf8');
  const required = steps.replace(
    'export async function runSteps',
    'exports.runSteps = async function',
  );
  await writeFile(join(folder, 'steps.cjs'), required);
}

function manifest(tarball: string, versions: Record<string, string>): string {
  const sdk = '@modelcontextprotocol/sdk';
  const dependencies = { 'mcp-tls': `file:${tarball}`, [sdk]: versions[sdk] };
  return `${JSON.stringify({ private: true, dependencies })}\n`;
}

async function installByOther(name: string, folder: string, managers: string): Promise<void> {
  const { stdout } = await run('npm', ['config', 'get', 'registry']);
  const registry = stdout.trim();
  const node = (args: readonly string[]) =>
    run(process.execPath, [...args], {
      cwd: folder,
      env: { ...process.env, npm_config_registry: registry, COREPACK_ENABLE_STRICT: '0' },
      maxBuffer: 1e8,
    });
  if (name === 'pnpm') {
    await node([
      join(managers, 'pnpm/bin/pnpm.cjs'),
      'install',
      '--ignore-scripts',
      '--no-lockfile',
    ]);
    return;
  }
  if (name === 'yarn1') {
    const flags = ['install', '--ignore-scripts', '--no-lockfile', '--non-interactive'];
    await node([join(managers, 'yarn/bin/yarn.js'), ...flags]);
    return;
  }
  const host = new URL(registry).hostname;
  const settings = {
    nodeLinker: 'pnp',
    npmRegistryServer: registry,
    unsafeHttpWhitelist: [host],
    enableTelemetry: false,
    enableScripts: false,
    npmMinimalAgeGate: 0,
  };
  // YAML takes JSON.
  await writeFile(join(folder, '.yarnrc.yml'), JSON.stringify(settings));
  await rm(join(folder, 'yarn.lock'), { force: true });
  await writeFile(join(folder, 'yarn.lock'), '');
  await node([join(managers, '@yarnpkg/cli-dist/bin/yarn.js'), 'install']);
}
