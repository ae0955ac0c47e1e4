import { configDefaults, defineConfig } from 'vitest/config';

// Installs the programs of others that these tests need.
const PROGRAMS = 'test/support/set-up.ts';

// They wait for limits, start processes or count the processor's time: too long for `npm test`.
const SLOW = [
  'abandoned-calls',
  'bench',
  'environment',
  'hostile',
  'open-answers',
  'secure-connect',
].map((name) => `test/integration/${name}.test.ts`);

function otherVersions(env: NodeJS.ProcessEnv): Record<string, string> {
  const sdk = env['MCP_TLS_SDK_FOLDER'];
  return {
    ...(env['MCP_TLS_UNDICI'] === '8' && { undici: 'undici-8' }),
    ...(env['MCP_TLS_KEYV'] === '6' && { keyv: 'keyv-6' }),
    ...(sdk !== undefined && { '@modelcontextprotocol/sdk': `${sdk}/dist/esm` }),
  };
}

export default defineConfig({
  // scripts/matrix.ts also runs tests over other versions of what others have installed.
  resolve: { alias: otherVersions(process.env) },
  test: {
    // By default one less than there are cores; most of the time is spent waiting for servers.
    maxWorkers: 2,
    // scripts/retry-reporter.ts names the tests that needed it.
    retry: process.env['CI'] === undefined ? 0 : 1,
    projects: [
      {
        extends: true,
        // Making RSA keys takes seconds on a loaded machine.
        test: { name: 'unit', include: ['test/{unit,docs}/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          globalSetup: PROGRAMS,
          include: ['test/integration/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SLOW],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'slow', globalSetup: PROGRAMS, include: SLOW, testTimeout: 60_000 },
      },
      {
        extends: true,
        // Starts servers: each file its own.
        test: {
          name: 'store',
          globalSetup: PROGRAMS,
          include: ['test/store/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
      {
        extends: true,
        // A gateway's flows, by several processes.
        test: {
          name: 'gateway',
          globalSetup: PROGRAMS,
          include: ['test/gateway/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'fetch-standard',
          include: ['test/fetch-standard/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        // A hostile server, its authorization server, and the transports of both SDKs.
        test: { name: 'oauth', include: ['test/oauth/**/*.test.ts'], testTimeout: 20_000 },
      },
      {
        extends: true,
        // Each starts dist/cli.js as a process, often.
        test: {
          name: 'cli',
          globalSetup: PROGRAMS,
          include: ['test/cli/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'fuzz', include: ['test/fuzz/**/*.test.ts'] } },
      { extends: true, test: { name: 'trust', include: ['test/trust/**/*.test.ts'] } },
      {
        extends: true,
        // Makes RSA keys and processes.
        test: {
          name: 'one-judge',
          include: ['test/one-judge/**/*.test.ts'],
          testTimeout: 60_000,
        },
      },
      { extends: true, test: { name: 'types', include: ['test/types/**/*.test.ts'] } },
      {
        extends: true,
        // Every option with every mistake: thousands of calls.
        test: { name: 'options', include: ['test/options/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: { name: 'testing', include: ['test/testing/**/*.test.ts'], testTimeout: 60_000 },
      },
      {
        extends: true,
        test: {
          name: 'examples',
          globalSetup: PROGRAMS,
          include: ['test/examples/**/*.test.ts'],
          // Each starts processes of its own.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: { name: 'corpus', include: ['test/corpus/**/*.test.ts'], testTimeout: 120_000 },
      },
    ],
  },
});
