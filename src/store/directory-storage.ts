import { watch } from 'node:fs/promises';
import { join } from 'node:path';
import { directoryBackend, prepareDirectory, recordKeyOfFile } from './directory-backend.js';
import type { Invalidation, InvalidationEvent } from './invalidation.js';
import { recordId } from './record-key.js';
import type { StoreBackendFactory } from './store-backend.js';

/** To be spread into the options of `createCertificateStore`. */
export interface DirectoryStorage {
  readonly backend: StoreBackendFactory;
  readonly invalidation: Invalidation;
}

/**
 * Keeps a store in a directory, and has changes noticed by every process of the machine at once: the
 * operating system tells who watches the directory (inotify, FSEvents, ReadDirectoryChangesW). Where
 * it cannot, as on network file systems, changes are noticed after `cache.ttlMs`, and
 * `stats().listening` says so where it is known. See {@link directoryBackend}.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const store = createCertificateStore({ keys, ...directoryStorage('/var/lib/gateway/certificates') });
 */
export function directoryStorage(path: string): DirectoryStorage {
  return { backend: directoryBackend(path), invalidation: directoryInvalidation(path) };
}

function directoryInvalidation(path: string): Invalidation {
  const stopping = new AbortController();
  const { signal } = stopping;

  async function follow(
    files: AsyncIterator<{ readonly filename: string | null }>,
    listener: (event: InvalidationEvent) => void,
  ): Promise<void> {
    for (;;) {
      const { value, done } = await files.next();
      if (done) return;
      // Without a name, or with the directory's own: something happened.
      const key = value.filename === null ? '' : recordKeyOfFile(value.filename);
      if (key === undefined) continue;
      const id = recordId(key);
      if (id !== undefined) listener({ type: 'changed', id });
      else if (key === '') listener({ type: 'reset' });
    }
  }

  return {
    async subscribe(namespace, listener) {
      const directory = join(path, namespace);
      await prepareDirectory(directory);
      const begin = () => watch(directory, { signal, persistent: false })[Symbol.asyncIterator]();
      const again = (): void => {
        if (signal.aborted) return;
        // The queue overflowed, or the directory was moved: events were missed either way.
        listener({ type: 'reset' });
        follow(begin(), listener).catch(() => {});
      };
      follow(begin(), listener).catch(again);
      // What was changed before it was watched.
      listener({ type: 'reset' });
    },
    // The file that was renamed into its place has said it.
    async publish() {},
    async close() {
      stopping.abort();
    },
  };
}
