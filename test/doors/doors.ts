/** A command of a door: its arguments after the Node.js that is tried. */
type Command = readonly string[];

/** A way into a program, and how it is gone through in a folder with everything installed. */
export interface Door {
  readonly name: string;
  /** A folder with an installation of its own; default: the one of all others. */
  readonly folder?: 'floor' | 'v2' | 'pnpm' | 'yarn1' | 'pnp' | 'next';
  /** Made before, with the same Node.js. */
  readonly build?: readonly Command[];
  /** `{node}` is the version of the Node.js. */
  readonly run: Command;
  /** `run` names a program of its own; `{cache}` is the folder of what was installed. */
  readonly standsAlone?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** It also loads every entry of the package: those without their SDK have to name another. */
  readonly entries?: true;
}

const bin = (path: string) => `node_modules/${path}`;
const ESBUILD = [bin('esbuild/bin/esbuild'), '--bundle', '--platform=node', '--log-level=error'];
// Packages in CommonJS inside of a module: esbuild's own answer to their `require` (its issue 1921).
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
export const BUN_PACKAGE = `@oven/bun-${process.platform}-${process.arch === 'arm64' ? 'aarch64' : 'x64'}`;
// Runtimes that whatever connects has to be refused under.
const CLOSED = { DOOR_CLOSED: '1' };
const VM_MODULES = { NODE_OPTIONS: '--experimental-vm-modules' };

export const DOORS: readonly Door[] = [
  { name: 'npm, ESM', run: ['entry.mjs'] },
  { name: 'npm, CommonJS', run: ['entry.cjs'] },
  { name: 'SDK 1.16.0, ESM', folder: 'floor', run: ['entry.mjs'] },
  { name: 'SDK 1.16.0, CommonJS', folder: 'floor', run: ['entry.cjs'] },
  { name: 'SDK v2 alone, ESM', folder: 'v2', run: ['entry-v2.mjs'], entries: true },
  { name: 'SDK v2 alone, CommonJS', folder: 'v2', run: ['entry-v2.cjs'], entries: true },
  { name: 'pnpm, ESM', folder: 'pnpm', run: ['entry.mjs'] },
  { name: 'pnpm, CommonJS', folder: 'pnpm', run: ['entry.cjs'] },
  { name: 'yarn 1, ESM', folder: 'yarn1', run: ['entry.mjs'] },
  { name: 'yarn 1, CommonJS', folder: 'yarn1', run: ['entry.cjs'] },
  {
    name: 'yarn PnP, ESM',
    folder: 'pnp',
    run: ['-r', './.pnp.cjs', '--loader', './.pnp.loader.mjs', '--no-warnings', 'entry.mjs'],
  },
  { name: 'yarn PnP, CommonJS', folder: 'pnp', run: ['-r', './.pnp.cjs', 'entry.cjs'] },
  { name: 'jest, CommonJS', run: [bin('jest/bin/jest.js'), 'required.test.cjs'] },
  {
    name: 'jest, ESM',
    run: [bin('jest/bin/jest.js'), 'imported.test.mjs'],
    env: VM_MODULES,
  },
  {
    name: 'ts-jest',
    run: [bin('jest/bin/jest.js'), '--preset', 'ts-jest', 'typed.test.ts'],
  },
  {
    name: 'vitest',
    run: [
      bin('vitest/vitest.mjs'),
      'run',
      '--root=.',
      '--config=vitest.config.mjs',
      'imported.test.mjs',
    ],
  },
  { name: 'mocha, ESM', run: mocha('imported.test.mjs') },
  { name: 'mocha, CommonJS', run: mocha('required.test.cjs') },
  { name: 'node:test', run: ['--test', 'node.test.mjs'] },
  {
    name: 'esbuild, ESM',
    build: [
      [...ESBUILD, 'entry.mjs', '--format=esm', `--banner:js=${REQUIRE}`, out('esbuild.mjs')],
    ],
    run: ['esbuild.mjs'],
  },
  {
    name: 'esbuild, CommonJS',
    build: [[...ESBUILD, 'entry.cjs', '--format=cjs', '--minify', out('esbuild.cjs')]],
    run: ['esbuild.cjs'],
  },
  { name: 'webpack, ESM', build: [['webpack.mjs', 'esm']], run: ['webpack-esm/main.mjs'] },
  { name: 'webpack, CommonJS', build: [['webpack.mjs', 'cjs']], run: ['webpack-cjs/main.cjs'] },
  { name: 'rollup, ESM', build: [['rollup.mjs', 'esm']], run: ['rollup-esm/main.mjs'] },
  { name: 'rollup, CommonJS', build: [['rollup.mjs', 'cjs']], run: ['rollup-cjs/main.cjs'] },
  {
    name: 'single executable',
    build: [[...ESBUILD, 'entry.cjs', '--format=cjs', out('esbuild.cjs')], ['sea.mjs']],
    run: ['./sea-{node}'],
    standsAlone: true,
  },
  {
    name: 'Next.js',
    folder: 'next',
    build: [[bin('next/dist/bin/next'), 'build']],
    run: ['start.mjs'],
    env: { NEXT_TELEMETRY_DISABLED: '1' },
  },
  {
    name: 'Deno (closed)',
    run: [
      '{cache}/deno/node_modules/.bin/deno',
      'run',
      '-A',
      '--node-modules-dir=manual',
      'entry.mjs',
    ],
    standsAlone: true,
    env: CLOSED,
  },
  {
    name: 'Bun (closed)',
    run: [`{cache}/bun/node_modules/${BUN_PACKAGE}/bin/bun`, 'entry.mjs'],
    standsAlone: true,
    env: CLOSED,
  },
];

function mocha(file: string): Command {
  return [bin('mocha/bin/mocha.js'), '--exit', '--timeout', '60000', file];
}

function out(file: string): string {
  return `--outfile=${file}`;
}
