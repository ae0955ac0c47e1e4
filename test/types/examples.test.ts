import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, it } from 'vitest';
import { compileTexts } from '../support/compile-texts.js';

/** Every `@example` of a docstring compiles against the built package. */

const SRC = join(import.meta.dirname, '../../src');

/** What examples take from their surroundings. */
const SURROUNDINGS = `
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type * as mcpTls from 'mcp-tls';
import type * as testing from 'mcp-tls/testing';
import type * as v2 from 'mcp-tls/v2';
declare const client: v2.DiscoveredClient & {
  connect(transport: object, options?: object): Promise<void>;
};
declare const registry: v2.ServerRegistry;
declare const error: unknown;
declare const transport: Transport;
declare const url: URL;
declare const pem: string, certificatePem: string, uploadedPem: string, redisCaPem: string;
declare const expectFingerprint: string;
declare const config: { servers: Record<'weather', { tls: unknown }> & Record<string, { tls: mcpTls.TrustInput }> };
declare const configFolder: string;
declare const form: { serverName: string };
declare const store: mcpTls.CertificateStore;
declare const keys: mcpTls.CertificateStoreOptions['keys'];
declare const record: mcpTls.StoredCertificate;
declare const report: testing.BatteryReport;
declare const myPinnedFetch: (url: string, trust: object) => testing.BatteryClient;
declare const myClient: { get(url: string): Promise<unknown> };
declare const connectMyHost: (url: string, trust: object) => Promise<never>;
declare const server: testing.TlsServer;
`;

interface Example {
  readonly file: string;
  readonly text: string;
}

function examplesOf(file: string): readonly Example[] {
  const found = readFileSync(join(SRC, file), 'utf8').matchAll(
    /@example\n((?: *\*(?! @|\/).*\n)+)/g,
  );
  return [...found].map(([, text = '']) => ({ file, text: text.replace(/^ *\* ?/gm, '') }));
}

/** The exports that an example names, from the entry whose folder it stands in. */
function importsFor({ file, text }: Example): string {
  const second = /^(redis|store|testing)\//.exec(file)?.[1];
  const main = file.startsWith('sdk-v2/') ? 'mcp-tls/v2' : 'mcp-tls';
  const entries = second === undefined ? [main] : [`mcp-tls/${second}`, main];
  const imported = new Set<string>();
  return entries
    .map((entry) => {
      const names = exportsOf(entry).filter(
        (name) =>
          !imported.has(name) && new RegExp(`\\b${name}\\(|\\b${name}\\b(?=[ ,})])`).test(text),
      );
      for (const name of names) imported.add(name);
      return `import { ${names.join(', ')} } from '${entry}';\n`;
    })
    .join('');
}

function exportsOf(entry: string): readonly string[] {
  const name = entry === 'mcp-tls' ? 'index' : entry.slice('mcp-tls/'.length);
  const source = readFileSync(join(SRC, `../dist/${name}.d.ts`), 'utf8');
  const file = ts.createSourceFile('entry.d.ts', source, ts.ScriptTarget.ES2022, true);
  return file.statements.flatMap((statement) => {
    if (!ts.isExportDeclaration(statement) || !statement.exportClause) return [];
    if (!ts.isNamedExports(statement.exportClause)) return [];
    return statement.exportClause.elements.map(({ name }) => name.text);
  });
}

/** In a block of its own, where it may declare what its surroundings have as well; its imports go before it. */
function programFor(example: Example): string {
  const imports = example.text.match(/^import .*$/gm) ?? [];
  const body = example.text.replace(/^import .*$/gm, '');
  return `${imports.join('\n')}\n${importsFor(example)}${SURROUNDINGS}{\n${body}}\n`;
}

const examples = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .flatMap(examplesOf);

it('every @example compiles', () => {
  expect(examples.length).toBeGreaterThan(25);
  const errors = compileTexts(examples.map(programFor)).map((line) =>
    line.replace(/^\/text-(\d+)/, (_, number) => `${examples[number - 1]?.file} text-${number}`),
  );
  expect(errors).toEqual([]);
}, 120_000);
