import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeFencedWrites, notWritten } from './fenced-writes.js';
import { listWhole } from './list-whole.js';
import { once } from './once.js';
import { readTogether } from './read-together.js';
import type { StoreBackend, StoreBackendFactory } from './store-backend.js';

const SUFFIX = '.jwe';

/**
 * A directory for each namespace in `path`, one file a record: for one machine with any number of
 * processes, in containers of their own too. A record is written to a file in the directory `writing`
 * there, flushed to the disk and renamed over the old one, so that a reader sees either whole; then the
 * directory is flushed, so that an acknowledged write survives a power cut.
 *
 * Files have mode 0600. The directory is made with 0700, and refused if others may write to it.
 * Not for network file systems, where renaming does not keep these promises.
 */
export function directoryBackend(path: string): StoreBackendFactory {
  return (namespace) => inDirectory(join(path, namespace));
}

function inDirectory(path: string): StoreBackend {
  const fileOf = (key: string) => `${key}${SUFFIX}`;
  const ready = once(() => prepareDirectory(path));
  const writes = makeFencedWrites(path);
  /** Files of the last list, to be looked for where a listing misses one. */
  const seen = new Set<string>();

  return {
    name: 'directory',
    async read(keys) {
      await ready();
      return readTogether(path, keys.map(fileOf));
    },
    async keys() {
      await ready();
      const names = await listWhole(path, seen);
      return names.map(recordKeyOfFile).filter((key) => key !== undefined);
    },
    async write(key, value) {
      await notWritten(ready);
      await writes.write(fileOf(key), value);
    },
    async replace(key, expected, value) {
      await notWritten(ready);
      return writes.replace(fileOf(key), expected, value);
    },
    async close() {},
  };
}

/** Makes the directory. @throws if others may write to it */
export async function prepareDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
  const { mode } = await stat(path);
  if (process.platform !== 'win32' && (mode & 0o022) !== 0) {
    throw new Error(
      `others may write to '${path}' (mode ${(mode & 0o777).toString(8)}): chmod 700 it`,
    );
  }
}

/** The key whose row a file is; `undefined` for others. */
export function recordKeyOfFile(name: string): string | undefined {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
}
