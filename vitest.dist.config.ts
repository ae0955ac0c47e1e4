import { defineConfig } from 'vitest/config';

// Not a project of vitest.config.ts: it packs and installs first, which `npm test` need not wait for.
export default defineConfig({
  test: {
    name: 'dist',
    include: ['test/dist/**/*.test.ts'],
    globalSetup: 'test/dist/install-packed.ts',
    testTimeout: 120_000,
    retry: process.env['CI'] === undefined ? 0 : 1,
  },
});
