import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
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
    expect(stranger.output).toContain(certificate.fingerprint256);
    expect(stranger).toMatchObject({ code: 1, output: expect.stringContaining('Not trusted') });
    expect(server.records.applicationBytes).toBe(0);

    const known = await run('examples/connect.ts', server.mcpUrl, certificate.fingerprint256);
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
