/** A process whose system has no watch for files left, for test/store/faults. */
import { writeFileSync } from 'node:fs';
import {
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
} from '../../../src/index.js';
import { serveCalls } from './serve-calls.js';
import { WATCHES } from './start-worker.js';

let store: EncryptedCertificateStore;

serveCalls({
  async open(path: string, namespace: string, key: string, ttlMs: number) {
    const keys = [{ id: 'k1', key }];
    const cache = { ttlMs, negativeTtlMs: ttlMs };
    store = createCertificateStore({ keys, namespace, storage: directoryStorage(path), cache });
  },
  async get(id: string) {
    return (await store.get(id))?.approvedBy ?? null;
  },
  async isListening() {
    return store.stats().listening === true;
  },
  async giveWatches() {
    writeFileSync(WATCHES, '128');
  },
});
