import { join, relative } from 'node:path';
import ts from 'typescript';
import { describe, expect, inject, it } from 'vitest';

/** The ways in which a TypeScript project finds the package's types. */
const MODES = {
  node16: { module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16 },
  nodenext: { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext },
  bundler: { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler },
} as const;
type Mode = keyof typeof MODES;

const CASES: readonly { mode: Mode; format: 'mts' | 'cts' }[] = [
  { mode: 'node16', format: 'mts' },
  { mode: 'node16', format: 'cts' },
  { mode: 'nodenext', format: 'mts' },
  { mode: 'nodenext', format: 'cts' },
  // Without cts: what goes through a bundler is written as ESM.
  { mode: 'bundler', format: 'mts' },
];

/** SDK 1.32 needs it: it uses HeadersInit, which @types/node 20 does not declare globally. */
const DOM = ['lib.dom.d.ts'];

describe.each(CASES)('under $mode, from .$format', ({ mode, format }) => {
  it('mcp-tls/core compiles, without the SDK and without the DOM library', () => {
    expect(errorsOf('withoutSdk', `uses-core.${format}`, mode)).toEqual([]);
  });

  it('mcp-tls/testing compiles, without the SDK', () => {
    expect(errorsOf('withoutSdk', `uses-testing.${format}`, mode)).toEqual([]);
  });

  it('mcp-tls/v2 compiles, beside the SDK v2 alone', () => {
    expect(errorsOf('withSdkV2', `uses-v2.${format}`, mode, DOM)).toEqual([]);
  });

  // The CJS types of SDK 1.32 import an ESM package, which node16 refuses.
  it.skipIf(mode === 'node16' && format === 'cts')('mcp-tls compiles', () => {
    expect(errorsOf('withSdk', `uses-all.${format}`, mode, DOM)).toEqual([]);
  });
});

// The exceptions above, shown to be the SDK's own: a program with the SDK alone has them too.
describe.each([
  { exception: 'no DOM library', mode: 'nodenext', format: 'mts', libraries: [] },
  { exception: 'node16 from CJS', mode: 'node16', format: 'cts', libraries: DOM },
] as const)('where the SDK does not compile: $exception', ({ mode, format, libraries }) => {
  it('mcp-tls adds no error to those of the SDK alone', () => {
    const own = errorsOf('withSdk', `uses-sdk-only.${format}`, mode, libraries);
    // An SDK without the error makes the exception superfluous.
    expect(own).toEqual([expect.stringContaining('node_modules/@modelcontextprotocol/sdk/')]);
    expect(errorsOf('withSdk', `uses-all.${format}`, mode, libraries)).toEqual(own);
  });
});

function errorsOf(
  project: 'withSdk' | 'withSdkV2' | 'withoutSdk',
  file: string,
  mode: Mode,
  libraries: readonly string[] = [],
): string[] {
  const folder = inject(project);
  const options: ts.CompilerOptions = {
    ...MODES[mode],
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', ...libraries],
    types: ['node'],
    typeRoots: [join(folder, 'node_modules/@types')],
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
  };
  const program = ts.createProgram([join(folder, file)], options);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText, code }) => {
    const where = file === undefined ? '' : relative(folder, file.fileName);
    return `${where}: TS${code} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}
