import { defineConfig } from 'vitest/config';

export default defineConfig({
  // The matrix also runs the tests over undici 8, which is installed under an alias.
  resolve: { alias: process.env['MCP_TLS_UNDICI'] === '8' ? { undici: 'undici-8' } : {} },
  test: {
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
    ],
  },
});
