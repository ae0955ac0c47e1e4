import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Nothing that a host name, a lookup, a proxy, an address hook or a hostile server's metadata says may
 * end the process: each scenario runs in a process of its own, with timers that have time to fire.
 */

const SCENARIOS: readonly (readonly [string, string, number])[] = [
  ['hosts', 'a host that no certificate can name', 8],
  ['probes', 'a probe of such hosts, and with a lookup that fails', 18],
  ['proxy', 'such a host behind a proxy, with a connect timeout and without', 24],
  ['lookups', 'a lookup that throws, answers nothing, or answers twice', 10],
  ['hooks', 'an address hook that throws, rejects, or never answers', 20],
  ['proxies', 'a proxy that refuses, hangs up, is silent, or is no proxy', 16],
  ['aborts', 'a signal that aborts at every step', 24],
  ['registry', 'a registry with such lookups, hosts, and a hook that throws', 19],
  ['metadata', 'a hostile server that names such a host as its OAuth metadata', 8],
];

describe('the process goes on, and the call rejects with a typed error', () => {
  it.each(SCENARIOS)('%s: %s', async (scenario, _, count) => {
    const { code, lines, stderr } = await run(scenario);
    expect(stderr).not.toMatch(/TypeError|Uncaught|throw /);
    expect(code).toBe(0);
    expect(lines.at(-1)).toBe('end');
    expect(lines.filter((line) => /RESOLVED|FOREIGN|undefined/.test(line))).toEqual([]);
    expect(lines).toHaveLength(count + 1);
    if (scenario === 'metadata' || scenario === 'aborts') return;
    const typed =
      /: MCP_TLS_(INVALID_ARGUMENT|UNREACHABLE|TIMEOUT|NOT_TLS|HANDSHAKE_FAILED|PROXY_FAILED|ADDRESS_REFUSED)$/;
    expect(lines.slice(0, -1).filter((line) => !typed.test(line))).toEqual([]);
  });
});

function run(scenario: string): Promise<{ code: number | null; lines: string[]; stderr: string }> {
  const file = join(import.meta.dirname, 'support/odd-targets-program.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', file, scenario]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code, lines: stdout.trim().split('\n'), stderr })),
  );
}
