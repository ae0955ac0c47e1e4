import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compileTexts as compile } from '../support/compile-texts.js';

/**
 * The README and the documents are code: their fences compile against the built package, their tables match the
 * source.
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/.$/, '');
const textOf = (file: string): string => readFileSync(`${ROOT}/${file}`, 'utf8');
const documents = readdirSync(`${ROOT}/docs`, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.md'))
  .map((name) => textOf(`docs/${name}`));
const readme = textOf('README.md');
const errors = textOf('docs/errors.md');
const fences = [readme, ...documents].flatMap((text) =>
  [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code as string),
);

describe('README.md', () => {
  it('has code in it, and all of it compiles against the built package', () => {
    expect(fences.length).toBeGreaterThanOrEqual(5);
    expect(compile(fences)).toEqual([]);
  }, 120_000);

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
    expect(
      channels.filter((name) => !textOf('docs/diagnostics.md').includes(`| \`${name}\` |`)),
    ).toEqual([]);
  });

  it('is not longer than anybody reads', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(300);
  });
});
