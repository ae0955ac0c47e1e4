import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';

/**
 * What typedoc does not ask for: every field of public options and policies has a docstring, in the declaration
 * files as they are published.
 */

const DIST = join(import.meta.dirname, '../../dist');
const ENTRIES = ['index', 'core', 'v2', 'store', 'redis', 'testing'];
const TAKEN_FROM_CALLERS =
  /(Options|Policy|Init|Input|Changes|Credentials|TrustBy\w+|TrustOnFirstUse|ApprovalBy\w+)$/;

const files = ENTRIES.map((entry) => join(DIST, `${entry}.d.ts`));
const program = ts.createProgram(files, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  target: ts.ScriptTarget.ES2022,
  types: ['node'],
  skipLibCheck: true,
});
const checker = program.getTypeChecker();

function interfacesOf(file: string): readonly ts.Symbol[] {
  const source = program.getSourceFile(file) as ts.SourceFile;
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source) as ts.Symbol);
  return exported
    .map((symbol) =>
      symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol,
    )
    .filter((symbol) => symbol.flags & ts.SymbolFlags.Interface);
}

/** `?: never` and `?: undefined` say by themselves what is meant. */
function isExcluded(field: ts.Symbol): boolean {
  const declaration = field.valueDeclaration;
  if (declaration === undefined || !ts.isPropertySignature(declaration)) return false;
  return ['never', 'undefined'].includes(declaration.type?.getText() ?? '');
}

const interfaces = [...new Set(files.flatMap(interfacesOf))].filter((symbol) =>
  TAKEN_FROM_CALLERS.test(symbol.name),
);

it('every option has a docstring', () => {
  const bare = interfaces.flatMap((symbol) =>
    [...(symbol.members?.values() ?? [])]
      .filter((field) => !isExcluded(field))
      .filter((field) => field.getDocumentationComment(checker).length === 0)
      .map((field) => `${symbol.name}.${field.name}`),
  );
  expect(interfaces.length).toBeGreaterThan(30);
  expect(bare).toEqual([]);
});
