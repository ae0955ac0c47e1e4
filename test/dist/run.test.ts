import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { heldCertificate, type McpTestServer, startMcpServer } from '../../src/testing/index.js';

const run = promisify(execFile);

let folder: string;
let server: McpTestServer;
let env: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-consumer-'));
  const certificate = await heldCertificate();
  const other = await heldCertificate();
  server = await startMcpServer({ certificate, transport: 'both' });
  env = {
    ...process.env,
    SERVER_URL: server.url,
    TRUSTED_CERTIFICATE: join(folder, 'trusted.pem'),
    OTHER_CERTIFICATE: join(folder, 'other.pem'),
  };
  await writeFile(join(folder, 'trusted.pem'), certificate.pem);
  await writeFile(join(folder, 'other.pem'), other.pem);
});

afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

/** Rejects with the program's output if it fails. */
function program(
  project: 'withSdk' | 'withSdkV2' | 'withoutSdk',
  file: string,
  ...more: readonly string[]
): Promise<{ stdout: string }> {
  return run(process.execPath, [file, ...more], { cwd: inject(project), env, timeout: 90_000 });
}

it.each(['all.mjs', 'all.cjs'])('works over real TLS, beside the SDK: %s', async (file) => {
  const before = server.records.requests.length;
  await program('withSdk', file);
  expect(server.records.requests.length).toBeGreaterThan(before);
});

it.each(['v2.mjs', 'v2.cjs'])('works over real TLS, beside the SDK v2 alone: %s', async (file) => {
  const before = server.records.requests.length;
  await program('withSdkV2', file);
  expect(server.records.requests.length).toBeGreaterThan(before);
});

it('brings the command, which needs nothing beside the package', async () => {
  const command = join(inject('withoutSdk'), 'node_modules/.bin/mcp-tls');
  const pem = join(folder, 'trusted.pem');
  const { stdout } = await run(command, ['inspect', server.url, '--ca', pem, '--json'], { env });
  expect(JSON.parse(stdout)).toMatchObject({ trusted: true, problems: [] });
  const other = run(command, ['check', server.url, '--ca', join(folder, 'other.pem')], { env });
  await expect(other).rejects.toMatchObject({ code: 2 });
});

it.each(['core.mjs', 'core.cjs'])('works over real TLS, without the SDK: %s', async (file) => {
  const before = server.records.requests.length;
  await program('withoutSdk', file);
  expect(server.records.requests.length).toBeGreaterThan(before);
});

const NAMES_V2_AND_CORE = expect.stringMatching(
  /^Cannot find .*@modelcontextprotocol\/sdk[\s\S]*without-mcp-sdk-v1-import\/mcp-tls\/v2\/or\/mcp-tls\/core/,
);
const NAMES_V1_AND_CORE = expect.stringMatching(
  /^Cannot find .*@modelcontextprotocol\/client[\s\S]*without-mcp-sdk-v2-import\/mcp-tls\/or\/mcp-tls\/core/,
);
const NEEDS_SDK = expect.stringMatching(
  /^MCP_TLS_UNSUPPORTED_RUNTIME: .*need @modelcontextprotocol\/sdk, which is not installed/,
);
const LOADED = {
  'mcp-tls/core': 'loaded',
  'mcp-tls/store': 'loaded',
  'mcp-tls/redis': 'loaded',
  'mcp-tls/testing': 'loaded',
};

it.each(['esm', 'cjs'])(
  'loads, or names the entries to import, with whatever SDK is installed: %s',
  async (format) => {
    const entries = async (project: Parameters<typeof program>[0]): Promise<unknown> =>
      JSON.parse((await program(project, 'entries.mjs', format)).stdout);
    expect(await entries('withSdk')).toEqual({
      ...LOADED,
      'mcp-tls': 'loaded',
      'mcp-tls/v2': 'loaded',
      startMcpServer: 'works',
      pinningBattery: 'works',
    });
    const without = { ...LOADED, startMcpServer: NEEDS_SDK, pinningBattery: NEEDS_SDK };
    expect(await entries('withSdkV2')).toEqual({
      ...without,
      'mcp-tls': NAMES_V2_AND_CORE,
      'mcp-tls/v2': 'loaded',
    });
    expect(await entries('withoutSdk')).toEqual({
      ...without,
      'mcp-tls': NAMES_V2_AND_CORE,
      'mcp-tls/v2': NAMES_V1_AND_CORE,
    });
  },
);

it.each(['testing.mjs', 'testing.cjs'])('has a test kit that stands alone: %s', async (file) => {
  await program('withoutSdk', file);
});

it('makes no attack on the environment where process.env is a copy, and says so', async () => {
  await program('withoutSdk', 'copied-process.cjs');
});

it('recognises its errors across entries and formats', async () => {
  await program('withSdk', 'errors.mjs');
});

it.each(['esm', 'cjs'])('refuses every mistake with every option, as %s', async (format) => {
  const { stdout } = await program('withSdk', 'options.mjs', format);
  console.log(format, stdout.trim());
  expect(JSON.parse(stdout).rows).toBeGreaterThan(3_000);
});

it('takes what another entry or format has made: trust and storages', async () => {
  await program('withSdk', 'opaque.mjs');
});

it('loads no dependency with the core, and changes no global, not even with a request', async () => {
  await program('withSdk', 'quiet.mjs');
});
