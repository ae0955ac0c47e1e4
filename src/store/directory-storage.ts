import { join } from 'node:path';
import { type Declaration, declareOptions, flag, readOptions } from '../options.js';
import { directoryBackend } from './directory-backend.js';
import { DirectoryWatch } from './directory-watch.js';
import type { Invalidation } from './invalidation.js';
import { assertPath, type CertificateStorage, storageOf } from './storage.js';

/** Options of {@link directoryStorage}. */
export interface DirectoryStorageOptions {
  /** Whether changes by other processes are noticed at once. Default `true`. */
  watch?: boolean | undefined;
}

const DIRECTORY: Declaration<DirectoryStorageOptions> = declareOptions<DirectoryStorageOptions>(
  'directoryStorage: options',
  { watch: flag() },
);

/**
 * Keeps a store in a directory: for one machine with any number of processes, in containers of their own
 * too. A directory for each namespace, one file a record, mode 0600, written whole or not at all, and
 * flushed to the disk before a write is acknowledged. The directory is made with 0700, and refused if
 * others may write to it. Not for network file systems, where renaming does not keep these promises.
 *
 * Has changes noticed by every process of the machine at once: the
 * operating system notifies who watches the directory (inotify, FSEvents, ReadDirectoryChangesW). Where
 * it cannot, changes are noticed after `cache.ttlMs`; `stats().listening` says so, except on network file
 * systems, where it is not known.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({ keys, storage: directoryStorage('/var/lib/gateway') });
 */
export function directoryStorage(
  path: string,
  options: DirectoryStorageOptions = {},
): CertificateStorage {
  assertPath(path);
  const { watch = true } = readOptions(DIRECTORY, options);
  const backend = directoryBackend(path);
  return storageOf(watch ? { backend, invalidation: directoryInvalidation(path) } : { backend });
}

function directoryInvalidation(path: string): Invalidation {
  const watches = new Set<DirectoryWatch>();
  let closed = false;
  return {
    async subscribe(namespace, listener) {
      if (closed) return;
      const watching = new DirectoryWatch(join(path, namespace), listener);
      watches.add(watching);
      await watching.heard;
    },
    // The file that was renamed into its place has said it.
    async publish() {},
    async close() {
      closed = true;
      for (const watching of watches) watching.close();
    },
  };
}
