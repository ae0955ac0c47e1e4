import { join } from 'node:path';
import { directoryBackend } from './directory-backend.js';
import { DirectoryWatch } from './directory-watch.js';
import type { Invalidation } from './invalidation.js';
import type { StoreBackendFactory } from './store-backend.js';

/** To be spread into the options of `createCertificateStore`. */
export interface DirectoryStorage {
  readonly backend: StoreBackendFactory;
  readonly invalidation: Invalidation;
}

/**
 * Keeps a store in a directory, and has changes noticed by every process of the machine at once: the
 * operating system tells who watches the directory (inotify, FSEvents, ReadDirectoryChangesW). Where
 * it cannot, changes are noticed after `cache.ttlMs`; `stats().listening` says so, except on network file
 * systems, where it is not known. See {@link directoryBackend}.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({ keys, ...directoryStorage('/var/lib/gateway/certificates') });
 */
export function directoryStorage(path: string): DirectoryStorage {
  return { backend: directoryBackend(path), invalidation: directoryInvalidation(path) };
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
