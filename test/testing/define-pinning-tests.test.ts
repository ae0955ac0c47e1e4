import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it, vi } from 'vitest';
import {
  definePinningTests,
  type MakeBatteryClient,
  type TestRunner,
} from '../../src/testing/index.js';
import { pinnedClient } from './support/pinned-client.js';

/** The one line, in vitest, for real: these tests are part of this run. */
definePinningTests({ describe, it }, pinnedClient(), {
  include: ['impostor-self-signed', 'environment-chain', 'key-p256', 'http-post', 'pin-wrong'],
  supports: ['ca'],
});

interface Registered {
  readonly name: string;
  readonly skipped: boolean;
  readonly body: (this: unknown, ...context: unknown[]) => unknown;
}

/** A test runner that only collects. */
function collect(): { runner: TestRunner; tests: Registered[] } {
  const tests: Registered[] = [];
  const path: string[] = [];
  const add = (skipped: boolean) => (name: string, body: Registered['body']) =>
    void tests.push({ name: [...path, name].join(' > '), skipped, body });
  return {
    tests,
    runner: {
      describe(name, body) {
        path.push(name);
        body();
        path.pop();
      },
      it: Object.assign(add(false), { skip: add(true) }),
    },
  };
}

describe('definePinningTests', () => {
  it('registers a test for each check, and skips the pending ones with the reason', () => {
    const { runner, tests } = collect();
    const basic = ['ca', 'roots', 'serverName', 'minVersion'] as const;
    definePinningTests(runner, pinnedClient(), { supports: basic });
    expect(tests.length).toBeGreaterThan(150);
    expect(tests.map(({ name }) => name)).toContain(
      'pinning battery > chain > leaf-expired: The certificate has expired',
    );
    const skipped = tests.filter((test) => test.skipped);
    expect(skipped.length).toBeGreaterThan(30);
    const reasons =
      / \(pending: the (client does not support the policy fields? [\w, ]+|default roots of a running .*)\)$/;
    for (const { name } of skipped) expect(name).toMatch(reasons);
    const all = collect();
    definePinningTests(all.runner, pinnedClient());
    const left = all.tests.filter((test) => test.skipped).map(({ name }) => name);
    expect(left.filter((name) => !name.includes('default roots of a running'))).toEqual([]);
  });

  it('fails with what was expected, what came, why it matters and what to do', async () => {
    const { runner, tests } = collect();
    definePinningTests(runner, pinnedClient('ignores-chain'), { include: ['leaf-expired'] });
    const error = await Promise.resolve(tests[0]?.body()).catch((reason: Error) => reason);
    expect((error as Error).message).toMatch(
      /^The certificate has expired: expected refused, got works, \d+ bytes leaked\nKeys outlive .*\nWhat to do: .*\.$/,
    );
  });

  it('lets a check that changes the process run alone, also where all start at once', async () => {
    const { runner, tests } = collect();
    let during = 0;
    let running = 0;
    definePinningTests(
      runner,
      async (policy) => {
        running += 1;
        if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') during = Math.max(during, running);
        const client = await pinnedClient()(policy);
        return Object.assign(client.bind(undefined), {
          close: async () => {
            running -= 1;
            await client.close?.();
          },
        });
      },
      { include: ['key-p256', 'http-slow', 'environment-chain', 'environment-name', 'rotation'] },
    );
    await Promise.all(tests.map(({ body }) => body()));
    expect(during).toBe(1);
    expect(process.env['NODE_TLS_REJECT_UNAUTHORIZED']).toBeUndefined();
  });

  it('never lets a check pass that turned out to be impossible', async () => {
    const { runner, tests } = collect();
    const without: MakeBatteryClient = async (policy) => {
      const client = await pinnedClient()(policy);
      return (url, init) => client(url, init);
    };
    definePinningTests(runner, without, { include: ['close-idle'] });
    const [test] = tests;
    const skip = vi.fn();
    await test?.body.call({ skip });
    await test?.body.call(undefined, { skip });
    expect(skip.mock.calls).toEqual([['the client has no close()'], ['the client has no close()']]);
    await expect(test?.body.call(undefined)).rejects.toThrow(
      "close-idle was not made: the client has no close()\nWhat to do: give exclude: ['close-idle'].",
    );
    expect(test?.body).toHaveLength(0);
  });

  it('works in node:test: passes, failures and skips', async () => {
    const outcome = await runNodeTest(`
      import { describe, it } from 'node:test';
      import { definePinningTests } from ${url('../../src/testing/index.ts')};
      import { pinnedClient } from ${url('./support/pinned-client.ts')};
      definePinningTests({ describe, it }, pinnedClient('ignores-names'), {
        include: ['name-other', 'impostor-self-signed', 'key-p256', 'environment-chain', 'pin-wrong'],
        supports: ['ca'],
      });
    `);
    expect(outcome).toContain('# pass 3');
    expect(outcome).toContain('# fail 1');
    expect(outcome).toContain('# skipped 1');
    expect(outcome).toContain('expected refused, got works');
    expect(outcome).toMatch(/pin-wrong: .*pending: the client does not support .*# SKIP/);
  }, 30_000);

  it.each<[string, unknown]>([
    ['no runner', undefined],
    ['no it', { describe }],
    ['no it.skip', { describe, it: () => {} }],
  ])('refuses %s', (_what, runner) => {
    expect(() => definePinningTests(runner as TestRunner, pinnedClient())).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });
});

function url(path: string): string {
  return JSON.stringify(new URL(path, import.meta.url).href);
}

async function runNodeTest(source: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-battery-'));
  try {
    const file = join(folder, 'battery.test.mts');
    await writeFile(file, source);
    const tsx = pathToFileURL(
      fileURLToPath(new URL('../../node_modules/tsx/dist/loader.mjs', import.meta.url)),
    ).href;
    const { NODE_TEST_CONTEXT: _inherited, ...env } = process.env;
    return await new Promise((resolve) => {
      const args = ['--import', tsx, '--test', '--test-reporter=tap', file];
      execFile(process.execPath, args, { env }, (_error, stdout) => resolve(stdout));
    });
  } finally {
    await rm(folder, { recursive: true });
  }
}
