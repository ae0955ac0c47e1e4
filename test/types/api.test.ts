import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { cacheFolder, installInCache } from '../../scripts/install-in-cache.js';

/**
 * The types as a user has them: the built declarations, found by the package's own name, checked too
 * (skipLibCheck off). `npm run test:types` builds first.
 */

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const ENTRIES = ['core', 'index', 'redis', 'store', 'testing', 'v2'] as const;

const DOM = ['lib.dom.d.ts', 'lib.dom.iterable.d.ts'];

const OPTIONS: ts.CompilerOptions = {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
  strict: true,
  noUncheckedIndexedAccess: true,
  skipLibCheck: false,
  noEmit: true,
};

function errorsOf(files: readonly string[], options: ts.CompilerOptions): string[] {
  const names = files.map((file) => join(HERE, file));
  const program = ts.createProgram(names, { ...OPTIONS, ...options });
  return ts.getPreEmitDiagnostics(program).map(({ file, start = 0, messageText, code }) => {
    const line = file?.getLineAndCharacterOfPosition(start).line ?? -1;
    const where = file === undefined ? '' : relative(ROOT, file.fileName);
    return `${where}:${line + 1} TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe(`the types, on TypeScript ${ts.version}`, () => {
  it.each([
    ['with the DOM library', DOM, true],
    ['with the DOM library, undefined given to options', DOM, false],
    ['without the DOM library', [], true],
    ['without the DOM library, undefined given to options', [], false],
  ])(
    'of core, redis, store and testing accept what they should and refuse the rest: %s',
    (_, dom, exact) => {
      const lib = ['lib.es2023.d.ts', ...dom];
      const options = { lib, exactOptionalPropertyTypes: exact };
      expect(errorsOf(['core.test-d.ts'], options)).toEqual([]);
    },
    180_000,
  );

  it.each([true, false])(
    'of the transports do so too (exactOptionalPropertyTypes: %s)',
    (exact) => {
      const lib = ['lib.es2023.d.ts', ...DOM];
      const files = exact ? ['main.test-d.ts', 'exact.test-d.ts'] : ['main.test-d.ts'];
      expect(errorsOf(files, { lib, exactOptionalPropertyTypes: exact })).toEqual([]);
    },
    180_000,
  );

  it('are seen to bite: a mistake that is not expected is reported', () => {
    const host = ts.createCompilerHost(OPTIONS);
    const name = join(HERE, 'mistake.ts');
    const text =
      "import { makeCustomClientFactory } from 'mcp-tls/core';\nmakeCustomClientFactory();\n";
    const { getSourceFile, fileExists } = host;
    host.fileExists = (file) => file === name || fileExists(file);
    host.getSourceFile = (file, ...rest) =>
      file === name ? ts.createSourceFile(file, text, 99) : getSourceFile(file, ...rest);
    const program = ts.createProgram([name], { ...OPTIONS, lib: ['lib.es2023.d.ts'] }, host);
    expect(program.getSemanticDiagnostics(program.getSourceFile(name))).toHaveLength(1);
  }, 180_000);
});

/** Other compilers that users have, from the registry. */
const COMPILERS = ['5.4.5', '6.0.3', '7.0.2'];

describe.each(COMPILERS)('the types, by TypeScript %s', (version) => {
  let tsc: string;

  beforeAll(async () => {
    const name = `typescript-${version}`;
    const found = join(cacheFolder(name), 'node_modules/typescript');
    const isThere = existsSync(join(found, 'bin/tsc'));
    tsc = join(isThere ? found : await installInCache(name, `typescript@${version}`), 'bin/tsc');
  }, 120_000);

  const compile = (lib: string, ...files: readonly string[]): Promise<string> => {
    const since6 = version.startsWith('5.') ? [] : ['--ignoreConfig'];
    const flags = `--noEmit --strict --exactOptionalPropertyTypes --noUncheckedIndexedAccess --skipLibCheck false
      --module nodenext --moduleResolution nodenext --target es2022 --types node --lib ${lib}`;
    const all = [tsc, ...since6, ...flags.split(/\s+/), ...files];
    return promisify(execFile)(process.execPath, all, { cwd: HERE }).then(
      () => '',
      (error: { stdout: string }) => error.stdout,
    );
  };

  it.each(['es2023', 'es2023,dom,dom.iterable'])(
    'of core, redis, store and testing: lib %s',
    async (lib) => {
      expect(await compile(lib, 'core.test-d.ts')).toBe('');
    },
    120_000,
  );

  it('of the transports', async () => {
    const lib = 'es2023,dom,dom.iterable';
    expect(await compile(lib, 'main.test-d.ts', 'exact.test-d.ts')).toBe('');
  }, 120_000);
});

describe('public signatures', () => {
  it.each(ENTRIES)(
    'of %s name no type that cannot be imported, from there, from core or from store',
    (entry) => {
      const file = join(ROOT, `dist/${entry}.d.ts`);
      const core = join(ROOT, 'dist/core.d.ts');
      const store = join(ROOT, 'dist/store.d.ts');
      const program = ts.createProgram([file, core, store], {
        ...OPTIONS,
        skipLibCheck: true,
        lib: ['lib.es2023.d.ts', ...DOM],
      });
      const checker = program.getTypeChecker();
      const exportsOf = (name: string): ts.Symbol[] => {
        const source = program.getSourceFile(name);
        const module = source && checker.getSymbolAtLocation(source);
        if (module === undefined) throw new Error(`no declarations: ${name}`);
        return checker.getExportsOfModule(module).map(resolved);
      };
      const resolved = (symbol: ts.Symbol): ts.Symbol =>
        symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
      const exported = new Set([file, core, store].flatMap(exportsOf));
      // A class that is exported as a type and an object for `instanceof`: nobody can make one.
      const unmade = new Set<ts.Symbol>();
      for (const symbol of [...exported]) {
        if ((symbol.flags & ts.SymbolFlags.TypeAlias) === 0) continue;
        const { symbol: named } = checker.getDeclaredTypeOfSymbol(symbol);
        if (named !== undefined) unmade.add(named);
      }
      for (const symbol of unmade) exported.add(symbol);
      const forgotten = new Set<string>();
      const seen = new Set<ts.Node>();
      const visit = (node: ts.Node): void => {
        if (seen.has(node)) return;
        seen.add(node);
        if (ts.isConstructorDeclaration(node)) {
          const { name } = node.parent;
          const made = name && checker.getSymbolAtLocation(name);
          if (made !== undefined && unmade.has(made)) return;
        }
        if (ts.isTypeReferenceNode(node)) {
          const symbol = checker.getSymbolAtLocation(node.typeName);
          const target = symbol && resolved(symbol);
          const ours = target?.declarations?.some((one) =>
            one.getSourceFile().fileName.startsWith(join(ROOT, 'dist/')),
          );
          const isParameter = target && (target.flags & ts.SymbolFlags.TypeParameter) !== 0;
          if (target !== undefined && ours && !isParameter && !exported.has(target)) {
            forgotten.add(target.name);
          }
        }
        ts.forEachChild(node, visit);
      };
      for (const symbol of exported) for (const one of symbol.declarations ?? []) visit(one);
      expect([...forgotten].sort()).toEqual([]);
    },
    180_000,
  );
});
