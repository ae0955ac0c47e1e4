/** A process that writes to a directory store, for test/store/directory.test.ts. */
import {
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
  type StoredCertificate,
} from '../../../src/index.js';
import { serveCalls } from './serve-calls.js';
import { stopBeforeRename } from './stop-before-rename.js';

interface Counted {
  readonly acknowledged: number;
  readonly errors: readonly string[];
}

let store: EncryptedCertificateStore;
const codeOf = (error: unknown) => String((error as { code?: unknown }).code ?? error);

serveCalls({
  async open(path: string, keys: { id: string; key: string }[]) {
    const cache = { ttlMs: 0 };
    store = createCertificateStore({
      keys,
      storage: directoryStorage(path, { watch: false }),
      cache,
    });
  },
  /** Counts a note up for so long. */
  async count(ms: number): Promise<Counted> {
    const end = performance.now() + ms;
    const errors: string[] = [];
    let acknowledged = 0;
    while (performance.now() < end) {
      try {
        await store.notes.update('counter', (n) => Number(n ?? 0) + 1);
        acknowledged++;
      } catch (error) {
        errors.push(`${codeOf(error)} ${(error as Error).message}`);
      }
    }
    return { acknowledged, errors };
  },
  async set(id: string, record: StoredCertificate, condition?: { ifRevision: number }) {
    return store.set(id, record, condition).catch(codeOf);
  },
  async rewrap() {
    return store.rewrap();
  },
  /** Before it next puts a record into its place, this process stops itself. */
  async stopBeforeRename() {
    let stopped = false;
    stopBeforeRename(() => {
      const stops = !stopped;
      stopped = true;
      return stops;
    });
  },
  async stopSometimes(probability: number) {
    stopBeforeRename(() => Math.random() < probability);
  },
});
