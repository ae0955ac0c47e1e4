import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/**
 * The README is code, and so are docs/store.md, docs/registry.md, docs/hosts.md, docs/diagnostics.md,
 * docs/trust-files.md, docs/trust-file.md and docs/migration: their fences compile against the built package, its tables match the source.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/.$/, '');
const readme = readFileSync(`${ROOT}/README.md`, 'utf8');
const errors = readFileSync(`${ROOT}/docs/errors.md`, 'utf8');
const store = readFileSync(`${ROOT}/docs/store.md`, 'utf8');
const registry = readFileSync(`${ROOT}/docs/registry.md`, 'utf8');
const hosts = readFileSync(`${ROOT}/docs/hosts.md`, 'utf8');
const diagnostics = readFileSync(`${ROOT}/docs/diagnostics.md`, 'utf8');
const trustFiles = readFileSync(`${ROOT}/docs/trust-files.md`, 'utf8');
const trustFile = readFileSync(`${ROOT}/docs/trust-file.md`, 'utf8');
const migration = readdirSync(`${ROOT}/docs/migration`)
  .map((name) => readFileSync(`${ROOT}/docs/migration/${name}`, 'utf8'))
  .join('');
const fences = [
  ...(
    readme +
    store +
    registry +
    hosts +
    diagnostics +
    trustFiles +
    trustFile +
    migration
  ).matchAll(/^```ts\n([\s\S]*?)^```/gm),
].map(([, code]) => code as string);

function compile(sources: readonly string[]): string[] {
  const files = new Map(sources.map((code, i) => [`${ROOT}/readme-fence-${i + 1}.mts`, code]));
  const options: ts.CompilerOptions = {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    skipLibCheck: true,
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.getCurrentDirectory = () => ROOT;
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
  host.getSourceFile = (name, ...rest) => {
    const code = files.get(name);
    return code === undefined
      ? getSourceFile.call(host, name, ...rest)
      : ts.createSourceFile(name, code, ts.ScriptTarget.ES2022, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return ts.getPreEmitDiagnostics(program).map(({ file, messageText, start = 0 }) => {
    const line = file ? ts.getLineAndCharacterOfPosition(file, start).line + 1 : 0;
    const name = file?.fileName.replace(ROOT, '') ?? '';
    return `${name}:${line} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
  });
}

describe('README.md', () => {
  it('has code in it, and all of it compiles against the built package', () => {
    expect(fences.length).toBeGreaterThanOrEqual(5);
    expect(compile(fences)).toEqual([]);
  }, 60_000);

  it('would not pass with a mistake in it', () => {
    const wrong = "import { isSelfSignedPem } from 'mcp-tls';\nisSelfSignedPem(5);\n";
    expect(compile([wrong])).not.toEqual([]);
  }, 60_000);

  it('lists every problem of a probe', () => {
    const source = readFileSync(`${ROOT}/src/trust/problem.ts`, 'utf8');
    const type = /type ProblemCode =([^;]*);/.exec(source)?.[1] ?? '';
    const codes = [...type.matchAll(/'([a-z-]+)'/g)].map(([, code]) => code as string);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !errors.includes(`\`${code}\``))).toEqual([]);
  });

  it('has the words that people search for', () => {
    const words = [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'self-signed certificate',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'ERR_TLS_CERT_ALTNAME_INVALID',
      'suggestedPolicy',
    ];
    expect(words.filter((word) => !readme.includes(word))).toEqual([]);
  });

  it('shows examples/metrics.ts as it is run, and every channel', () => {
    const example = readFileSync(`${ROOT}/examples/metrics.ts`, 'utf8');
    expect(fences).toContain(example);
    const source = readFileSync(`${ROOT}/src/diagnostics.ts`, 'utf8');
    const channels = [...source.matchAll(/^ {2}'(mcp-tls:[a-z-]+)':/gm)].map(([, name]) => name);
    expect(channels.length).toBeGreaterThan(6);
    expect(channels.filter((name) => !diagnostics.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('is not longer than anybody reads', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(300);
  });
});
