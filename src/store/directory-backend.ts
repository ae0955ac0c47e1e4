import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../assert.js';
import { type FileLock, lockFile } from './lock-file.js';
import { NotWrittenError, type StoreBackend, type StoreBackendFactory } from './store-backend.js';

const SUFFIX = '.jwe';

/**
 * A directory for each namespace in `path`, one file a record: for one machine with any number of processes. A record is written
 * to a file beside it, flushed to the disk and renamed over the old one, so that a reader sees either
 * whole; then the directory is flushed, so that an acknowledged write survives a power cut.
 *
 * Files have mode 0600. The directory is made with 0700, and refused if others may write to it.
 * Not for network file systems, where neither renaming nor locking keeps these promises.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({ keys, backend: directoryBackend('/var/lib/gateway/certs') });
 */
export function directoryBackend(path: string): StoreBackendFactory {
  if (typeof path !== 'string' || path === '') invalidArgument('path must be a non-empty string');
  return (namespace) => inDirectory(join(path, namespace));
}

function inDirectory(path: string): StoreBackend {
  const fileOf = (key: string) => join(path, `${key}${SUFFIX}`);
  const ready = once(() => prepareDirectory(path));

  return {
    name: 'directory',
    async read(keys) {
      await ready();
      return Promise.all(keys.map((key) => readWhole(fileOf(key))));
    },
    async keys() {
      await ready();
      const names = await readdir(path);
      return names.map(recordKeyOfFile).filter((key) => key !== undefined);
    },
    async write(key, value) {
      await notWritten(ready);
      await writeWhole(path, fileOf(key), value);
    },
    async replace(key, expected, value) {
      await notWritten(ready);
      const lock = await notWritten(() => lockFile(fileOf(key)));
      try {
        if ((await notWritten(() => readWhole(fileOf(key)))) !== expected) return false;
        await writeWhole(path, fileOf(key), value, lock);
        return true;
      } finally {
        await lock.release().catch(() => {});
      }
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

/** The key whose row a file is; `undefined` for others, such as those that are being written. */
export function recordKeyOfFile(name: string): string | undefined {
  return name.endsWith(SUFFIX) ? name.slice(0, -SUFFIX.length) : undefined;
}

/** Only a file that is not there is a miss. One that may not be opened is an error. */
async function readWhole(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function writeWhole(
  path: string,
  file: string,
  value: string,
  lock?: FileLock,
): Promise<void> {
  const temporary = `${file}.${process.pid}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      await handle.writeFile(value);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (lock !== undefined && !(await lock.isHeld())) throw new Error('the lock was lost');
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw new NotWrittenError('refused', error);
  }
  // From here on the record may be there.
  await rename(temporary, file);
  await flushDirectory(path);
}

/** Windows has no way to flush a directory, and needs none. */
async function flushDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** Whatever fails before the write has not written. */
async function notWritten<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    const refused = REFUSALS.has(String((error as NodeJS.ErrnoException).code));
    throw new NotWrittenError(refused ? 'refused' : 'unreachable', error);
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM']);

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
