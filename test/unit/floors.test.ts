import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The floors of `src/`: imports point downwards only, never sideways between two folders of one
 * floor, and each foreign package is imported by one folder.
 */

const SRC = fileURLToPath(new URL('../../src', import.meta.url));
const TEST = fileURLToPath(new URL('..', import.meta.url));

/** Height of a folder, or of a file at the top. Guests use the entries as any user would. */
const FLOORS: Readonly<Record<string, number>> = {
  errors: 0,
  'errors.ts': 0.1,
  'assert.ts': 0.5,
  'names-of.ts': 0.5,
  'bag.ts': 0.5,
  'caller-signal.ts': 0.5,
  'unknown-option.ts': 0.5,
  'options.ts': 0.6,
  'diagnostics.ts': 0.7,
  'explain-tls-error.ts': 0.5,
  'format-error.ts': 0.6,
  certificate: 1,
  trust: 1.5,
  connect: 2,
  client: 3,
  store: 3,
  'trust-file': 2.5,
  transports: 4,
  redis: 5,
  registry: 5,
  bridge: 5.5,
  'sdk-v1': 5.5,
  'sdk-v2': 5.5,
  'core.ts': 6,
  'index.ts': 7,
  'register.ts': 7,
  'v2.ts': 7,
  testing: 8,
  cli: 9,
};

/**
 * Types of higher floors that an error carries: the union of all errors has to name what it holds, and at
 * run time nothing of it is imported.
 */
const CARRIED = [
  'errors/approval-required-error.ts -> certificate/describe-certificate.ts',
  'errors/approval-required-error.ts -> connect/peer-certificate.ts',
];

/** The class of all errors narrows to their union, and they extend it. */
const UNION = 'errors/mcp-tls-error.ts -> errors/any-error.ts';

/** Who may import what from outside, first match wins. What is not listed nobody may import. */
const PACKAGES: readonly [pattern: RegExp, folders: readonly string[]][] = [
  [/^node:(tls|net|http2)$/, ['connect', 'testing']],
  [/^node:https?$/, ['bridge', 'testing']],
  [/^undici$/, ['client']],
  [/^(pkijs|asn1js)$/, ['certificate', 'testing']],
  [/^@modelcontextprotocol\/sdk\//, ['sdk-v1', 'testing']],
  [/^@modelcontextprotocol\/client$/, ['sdk-v2']],
  [/^lru-cache$/, ['store']],
  // The command only looks whether it is installed.
  [/^@keyv\/redis$/, ['redis', 'cli']],
  [/^node:fs$/, ['cli', 'connect', 'registry', 'store', 'trust-file']],
  [/^node:dns$/, ['connect', 'testing']],
  [/^node:(path|url)$/, ['cli', 'connect', 'store', 'registry', 'testing', 'trust-file']],
  [/^node:(fs\/promises|os|util)$/, ['cli', 'store', 'registry', 'testing', 'trust-file']],
  [/^node:diagnostics_channel$/, ['diagnostics.ts']],
  [
    /^node:(crypto|buffer|zlib|stream|timers\/promises|events)$/,
    [
      'bridge',
      'certificate',
      'trust',
      'connect',
      'client',
      'store',
      'redis',
      'registry',
      'testing',
      'trust-file',
      'caller-signal.ts',
    ],
  ],
  [/^node:readline$/, ['cli']],
  [/^node:/, ['testing']],
];

interface Import {
  readonly file: string;
  readonly specifier: string;
  readonly typeOnly: boolean;
  readonly lazy: boolean;
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replaceAll('\\', '/'));
const imports = files.flatMap(readImports);

function readImports(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const found = text.matchAll(
    /^\s*(?:import|export)\s+(type\s)?[^;'"]*?from\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...found].map(([whole, type, from, bare, lazy]) => ({
    file,
    specifier: from ?? bare ?? lazy ?? '',
    typeOnly: type !== undefined || /typeof\s+$/.test(whole),
    lazy: lazy !== undefined,
  }));
}

const placeOf = (file: string) => file.split('/')[0] as string;
const targetOf = ({ file, specifier }: Import) =>
  relative(SRC, join(SRC, dirname(file), specifier)).replace(/\.js$/, '.ts');

describe('the floors of src/', () => {
  it('are walked: the walker finds files and imports', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.some(({ specifier }) => specifier === 'undici')).toBe(true);
    expect(imports.some(({ lazy }) => lazy)).toBe(true);
  });

  it('assign a floor to every file', () => {
    expect(files.filter((file) => FLOORS[placeOf(file)] === undefined)).toEqual([]);
  });

  it('are imported downwards only', () => {
    const upwards = imports
      .filter(({ specifier }) => specifier.startsWith('.'))
      .filter((one) => {
        const [from, to] = [placeOf(one.file), placeOf(targetOf(one))];
        return from !== to && (FLOORS[to] ?? 99) >= (FLOORS[from] ?? -1);
      })
      .map((one) => `${one.file} -> ${targetOf(one)}${one.typeOnly ? '' : ' at run time'}`);
    expect(upwards.sort()).toEqual(CARRIED);
  });

  it('leave each package to its folder', () => {
    const strangers = imports
      .filter(({ specifier, typeOnly }) => !specifier.startsWith('.') && !typeOnly)
      .filter(({ file, specifier }) => {
        const rule = PACKAGES.find(([pattern]) => pattern.test(specifier));
        return !rule?.[1].includes(placeOf(file));
      })
      .map(({ file, specifier }) => `${file} -> ${specifier}`);
    expect(strangers).toEqual([]);
  });

  it('load pkijs, asn1js, undici and @keyv/redis only when they are needed', () => {
    const eager = imports.filter(
      ({ file, specifier, typeOnly, lazy }) =>
        /^(pkijs|asn1js|undici|@keyv\/redis)$/.test(specifier) &&
        !typeOnly &&
        !lazy &&
        placeOf(file) !== 'testing',
    );
    expect(eager.map(({ file }) => file)).toEqual([]);
  });

  it('have no cycles between files, type imports counted', () => {
    const graph = new Map<string, string[]>();
    for (const one of imports) {
      const edge = `${one.file} -> ${targetOf(one)}`;
      if (!one.specifier.startsWith('.') || CARRIED.includes(edge) || edge === UNION) continue;
      graph.set(one.file, [...(graph.get(one.file) ?? []), targetOf(one)]);
    }
    const cycles: string[] = [];
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      // There are more ways to a file than anybody can walk; what is below it was walked once.
      if (path.includes(file) || done.has(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  const longerThan = (most: number, folder: string, names: readonly string[]) =>
    names
      .map((name) => [name, readFileSync(join(folder, name), 'utf8').split('\n').length] as const)
      .filter(([, lines]) => lines > most);

  it('are built of small rooms: no file over 300 lines', () => {
    expect(longerThan(300, SRC, files)).toEqual([]);
  });

  it('have tests of which no file has over 400 lines', () => {
    const tests = readdirSync(TEST, { recursive: true, encoding: 'utf8' });
    const programs = tests.filter((name) => /\.(ts|mjs)$/.test(name));
    expect(programs.length).toBeGreaterThan(200);
    expect(longerThan(400, TEST, programs)).toEqual([]);
  });
});
