import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, inject, it } from 'vitest';

it('has exactly these files in the tarball', () => {
  // What entries share or load on demand is named after its content, and the bundler decides how it is divided.
  const files = inject('packedFiles').map((file) =>
    file.replace(/[\w-]+-[\w-]{8}(?=\.js$|\.d\.c?ts$)/, '*'),
  );
  // The documents and examples are those of the repository: test/docs/links.test.ts.
  const others = files.filter((file) => !/^(?:docs|examples)\//.test(file));
  expect(files).toContain('docs/errors.md');
  expect([...new Set(others)].sort()).toEqual([
    'CHANGELOG.md',
    'LICENSE',
    'README.md',
    'SECURITY.md',
    'dist/*.d.cts',
    'dist/*.d.ts',
    'dist/*.js',
    'dist/THIRD-PARTY-LICENSES.txt',
    'dist/asn1js.cjs',
    'dist/cli.js',
    'dist/core.cjs',
    'dist/core.d.cts',
    'dist/core.d.ts',
    'dist/core.js',
    'dist/index.cjs',
    'dist/index.d.cts',
    'dist/index.d.ts',
    'dist/index.js',
    'dist/pkijs.cjs',
    'dist/redis.cjs',
    'dist/redis.d.cts',
    'dist/redis.d.ts',
    'dist/redis.js',
    'dist/register.d.ts',
    'dist/register.js',
    'dist/store.cjs',
    'dist/store.d.cts',
    'dist/store.d.ts',
    'dist/store.js',
    'dist/testing.cjs',
    'dist/testing.d.cts',
    'dist/testing.d.ts',
    'dist/testing.js',
    'dist/v2.cjs',
    'dist/v2.d.cts',
    'dist/v2.d.ts',
    'dist/v2.js',
    'dist/without-mcp-sdk-v1-import/mcp-tls/v2/or/mcp-tls/core/sse.cjs',
    'dist/without-mcp-sdk-v1-import/mcp-tls/v2/or/mcp-tls/core/sse.js',
    'dist/without-mcp-sdk-v1-import/mcp-tls/v2/or/mcp-tls/core/streamable-http.cjs',
    'dist/without-mcp-sdk-v1-import/mcp-tls/v2/or/mcp-tls/core/streamable-http.js',
    'dist/without-mcp-sdk-v2-import/mcp-tls/or/mcp-tls/core/client.cjs',
    'dist/without-mcp-sdk-v2-import/mcp-tls/or/mcp-tls/core/client.js',
    'llms.txt',
    'package.json',
  ]);
});

it('is CommonJS to the end: no import() in a .cjs file, which fails in the contexts of node:vm', async () => {
  const dist = join(inject('withoutSdk'), 'node_modules/mcp-tls/dist');
  const files = (await readdir(dist)).filter((file) => file.endsWith('.cjs'));
  expect(files.length).toBeGreaterThan(6);
  for (const file of files) {
    const code = (await readFile(join(dist, file), 'utf8')).replace(
      /\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm,
      '',
    );
    expect(code, file).not.toMatch(/(?<![\w.])import\(/);
  }
});
