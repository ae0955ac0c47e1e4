import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { directoryBackend } from '../../../src/store/directory-backend.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-lock-'));
});
afterEach(() => rm(folder, { recursive: true }));

it('a writer whose lock was taken over while it stood still writes nothing', async () => {
  const backend = directoryBackend(folder)('servers');
  await backend.write('a', 'first');
  const lock = join(folder, 'servers', 'a.jwe.lock');
  // Another process takes the lock over as soon as it is there.
  let watching = true;
  const takeOver = (async () => {
    while (watching) {
      const held = await readFile(lock, 'utf8').catch(() => undefined);
      if (held !== undefined && !held.startsWith('elsewhere')) {
        await writeFile(lock, 'elsewhere 1 another').catch(() => {});
        return;
      }
      await new Promise(setImmediate);
    }
  })();
  // It stands still for as long as it takes to write so much.
  const second = 'x'.repeat(16 * 1024 * 1024);
  const outcome = await backend.replace?.('a', 'first', second).catch((error: unknown) => error);
  watching = false;
  await takeOver;
  expect(outcome).toMatchObject({ cause: { message: expect.stringMatching(/lock/) } });
  expect(await backend.read(['a'])).toEqual(['first']);
  // Neither is the lock of the other one removed, nor a draft left behind.
  expect((await readdir(join(folder, 'servers'))).toSorted()).toEqual(['a.jwe', 'a.jwe.lock']);
});
