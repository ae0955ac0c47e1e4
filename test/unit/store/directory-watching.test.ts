import { cpSync, mkdtempSync, renameSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createCertificateStore, directoryStorage } from '../../../src/index.js';
import { aKey, aRecord } from './support.js';

/** What a directory store hears of others' changes when the directory, or watching it, is in trouble. */

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  return { ...fs, watch: vi.fn(fs.watch) };
});

const keys = [aKey()];
let path: string;
const stores: { close(): Promise<void> }[] = [];

function open() {
  // Longer than any test: what is noticed is noticed by being told.
  const cache = { ttlMs: 600_000, negativeTtlMs: 600_000 };
  const store = createCertificateStore({ keys, storage: directoryStorage(path), cache });
  stores.push(store);
  return store;
}

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'mcp-tls-watching-'));
});
afterEach(async () => {
  for (const store of stores.splice(0)) await store.close();
  rmSync(path, { recursive: true, force: true });
});

it('a directory that was replaced is watched from then on', async () => {
  const [writer, reader] = [open(), open()];
  await writer.initialize();
  await writer.set('a', aRecord());
  await expect.poll(() => reader.stats().listening).toBe(true);
  expect(await reader.get('a')).toBeDefined();
  const place = join(path, 'certificates');
  // As a restore does it.
  cpSync(place, `${place}.copy`, { recursive: true });
  renameSync(place, `${place}.old`);
  renameSync(`${place}.copy`, place);
  await writer.delete('a');
  await expect.poll(() => reader.get('a'), { timeout: 8_000 }).toBeUndefined();
  await expect.poll(() => reader.stats().listening, { timeout: 4_000 }).toBe(true);
  await writer.set('a', aRecord());
  await expect.poll(() => reader.get('a'), { timeout: 1_000 }).toBeDefined();
});

it('where nothing can be watched, it says so, and tries again', async () => {
  const exhausted = Object.assign(new Error('inotify instances'), { code: 'EMFILE' });
  vi.mocked(watch).mockImplementationOnce(() => {
    throw exhausted;
  });
  const reader = open();
  await reader.initialize();
  await vi.waitFor(() => expect(watch).toHaveBeenCalled());
  expect(reader.stats().listening).toBe(false);
  await expect.poll(() => reader.stats().listening, { timeout: 8_000 }).toBe(true);
});

it('watching that fails later is reported, and begun anew', async () => {
  const reader = open();
  await reader.initialize();
  await expect.poll(() => reader.stats().listening).toBe(true);
  const watcher = vi.mocked(watch).mock.results.at(-1)?.value;
  watcher.emit('error', new Error('gone'));
  expect(reader.stats().listening).toBe(false);
  await expect.poll(() => reader.stats().listening, { timeout: 8_000 }).toBe(true);
});
