import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { checkBounds } from '../../bench/registry/bounds.js';
import { measureRegistry } from '../../bench/registry/measure-registry.js';

/** `npm run bench:registry` on a small scale: what is open and kept is bounded as configured. */

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

it('many servers: sockets, cached records and memory stay within what is configured', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'mcp-tls-bounds-'));
  cleanups.push(() => rm(directory, { recursive: true }));
  const size = { registered: 200, connected: 60, maxPools: 10, cacheMax: 50 };
  const figures = await measureRegistry({ directory }, size);
  expect(checkBounds(figures, size).filter(({ kept }) => !kept)).toEqual([]);
  // The limits were reached: without them there would be more.
  expect(figures.list.servers).toBe(200);
  expect(figures.connections.connected.open).toBeGreaterThanOrEqual(10);
  expect(figures.footprints.connected.cached).toBe(50);
});
