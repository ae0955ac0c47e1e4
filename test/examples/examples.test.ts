import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createCertificateStore, createServerRegistry } from 'mcp-tls';
import { describe, expect, it } from 'vitest';
import { collectMetrics } from '../../examples/metrics.js';
import { heldCertificate, startMcpServer } from '../../src/testing/index.js';

/** The examples are programs: each is run as its reader would, over the built package. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface Outcome {
  readonly code: number;
  readonly output: string;
}

function run(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const command = ['--import', 'tsx', ...args];
    const env = { ...process.env, NO_COLOR: '1' };
    execFile(process.execPath, command, { cwd: ROOT, env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });
}

describe('examples/demo', () => {
  it('does the main job and says so', async () => {
    const { code, output } = await run('examples/demo/main.ts');
    expect(output).toContain('All as it should be.');
    expect(output).toContain('TypeError: fetch failed');
    expect(output.match(/count to 5 answered 5/g)).toHaveLength(2);
    expect(output).toContain('the impostor received 0 bytes');
    expect(code).toBe(0);
  });
});

describe('examples/connect.ts', () => {
  it('shows a stranger, and connects to a fingerprint', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const stranger = await run('examples/connect.ts', server.mcpUrl);
    expect(stranger.output).toContain(certificate.fingerprint);
    expect(stranger).toMatchObject({ code: 1, output: expect.stringContaining('Not trusted') });
    expect(server.records.applicationBytes).toBe(0);

    const known = await run('examples/connect.ts', server.mcpUrl, certificate.fingerprint);
    expect(known).toMatchObject({ code: 0, output: expect.stringContaining('echo: ') });
  });
});

describe('examples/count-refusals.ts', () => {
  it('counts by code', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const { code, output } = await run('examples/count-refusals.ts', server.url, server.mcpUrl);
    expect(output).toContain(`2  127.0.0.1:${server.port} refused with MCP_TLS_SELF_SIGNED`);
    expect(code).toBe(0);
  });
});

describe('examples/metrics.ts', () => {
  it('counts connections and requests of each server for Prometheus', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const store = createCertificateStore({
      keys: [{ id: 'k', key: randomBytes(32) }],
      storage: new Map<string, string>(),
      whenEmpty: 'create',
    });
    const registry = createServerRegistry({ store });
    const metrics = collectMetrics(registry);
    await registry.register('a"b', server.mcpUrl, {
      expectFingerprint: certificate.fingerprint,
    });
    const client = (await registry.clientFactory('a"b'))();
    for (let i = 0; i < 3; i++) await (await client(server.mcpUrl, { method: 'PUT' })).text();
    server.rotate(await heldCertificate(), { dropConnections: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client(server.mcpUrl).catch(() => {});
    const text = metrics.text();
    const lines = text.split('\n');
    const label = String.raw`server="a\"b"`;
    const sent = `mcp_tls_requests_total{${label},method="PUT"`;
    expect(lines).toContain(`mcp_tls_connections_total{${label},by="certificate"} 1`);
    expect(lines).toContain(`${sent},connection="new",result="405"} 1`);
    expect(lines).toContain(`${sent},connection="reused",result="405"} 2`);
    expect(lines).toContain(`mcp_tls_refused_total{${label},code="MCP_TLS_SELF_SIGNED"} 1`);
    expect(lines).toContain(`mcp_tls_request_seconds_count{${label}} 4`);
    expect(lines).toContain('mcp_tls_registry_servers 1');
    expect(text).toMatch(/^(mcp_tls_\w+(\{.*\})? [\d.e-]+\n)+$/);
    metrics[Symbol.dispose]();
    await client(server.mcpUrl).catch(() => {});
    expect(metrics.text()).toContain(`mcp_tls_request_seconds_count{${label}} 4`);
    await registry.close();
    await store.close();
  });
});

describe('examples/host-config.ts', () => {
  it('reaches each server of a configuration by its own trust, and reports what is refused', async () => {
    const [one, two] = [await heldCertificate(), await heldCertificate()];
    await using weather = await startMcpServer({ certificate: one });
    await using printer = await startMcpServer({ certificate: two });
    await using impostor = await startMcpServer({ certificate: two });
    const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-host-config-'));
    const file = join(folder, 'servers.json');
    const write = (servers: object) => writeFile(file, JSON.stringify({ servers }));
    try {
      await writeFile(join(folder, 'weather.pem'), one.pem);
      await write({
        weather: { url: weather.mcpUrl, tls: { caFile: 'weather.pem' } },
        printer: { url: printer.mcpUrl, tls: { identity: 'pin', pins: two.spkiPin } },
        impostor: { url: impostor.mcpUrl, tls: { caFile: 'weather.pem' } },
      });
      const { code, output } = await run('examples/host-config.ts', file);
      expect(output).toContain('weather: echo');
      expect(output).toContain('printer: echo');
      expect(output).toContain('impostor: MCP_TLS_SELF_SIGNED: ');
      expect(output).toContain(`presented: `);
      expect(output).toContain(one.fingerprint);
      expect(output).toContain(two.fingerprint);
      expect(impostor.records.applicationBytes).toBe(0);
      expect(code).toBe(1);

      await write({ weather: { url: weather.mcpUrl, tls: { cafile: 'weather.pem' } } });
      const misspelt = await run('examples/host-config.ts', file);
      expect(misspelt.output).toContain("servers.weather.tls has an unknown field 'cafile'");
      expect(misspelt.code).toBe(2);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
