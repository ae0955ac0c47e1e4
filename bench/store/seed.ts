/** Stores with many records, written past them. */
import { randomBytes } from 'node:crypto';
import {
  type CertificateStoreOptions,
  createCertificateStore,
  type EncryptedCertificateStore,
} from 'mcp-tls';
import { createSealer, createStoredCertificate } from 'mcp-tls/store';
import { GcmKey } from '../../src/store/gcm-key.js';
import { headOf } from '../../src/store/record-heads.js';
import { recordKey } from '../../src/store/record-key.js';
import { heldCertificate } from '../../src/testing/index.js';
import { freePort } from '../../test/support/waiting.js';
import type { SeedRows } from './backends.js';

const key = { id: 'k1', key: randomBytes(32) };
export const keys = [key];
export const SEED_BATCH = 200;

export function openStore(
  storage: CertificateStoreOptions['storage'],
  namespace: string,
): EncryptedCertificateStore {
  return createCertificateStore({ keys, namespace, storage, timeout: { readMs: 60_000 } });
}

export type Fill = (rows: SeedRows) => Promise<void>;

/** Sets `store` up, closes it, and has `fill` write `n` records of 100 certificates, of servers that refuse. */
export async function seed(
  store: EncryptedCertificateStore,
  namespace: string,
  n: number,
  fill: Fill,
): Promise<void> {
  await store.initialize();
  await store.close();
  const port = await freePort();
  const certificates = await Promise.all(Array.from({ length: 100 }, () => heldCertificate()));
  const records = certificates.map(({ pem }, i) =>
    createStoredCertificate({
      // Nobody listens there: what is measured is the store, not the handshakes.
      url: `https://127.0.0.1:${port}/mcp/${i}`,
      trust: { ca: pem, authority: false },
      approvedBy: 'operations@example.com',
    }),
  );
  const sealer = createSealer({ keys, namespace });
  const gcmKey = new GcmKey(key.id, key.key);
  for (let start = 0; start < n; start += SEED_BATCH) {
    const rows = new Map<string, { row: string; head: string }>();
    for (let i = start; i < Math.min(start + SEED_BATCH, n); i++) {
      const id = idOf(i);
      const record = records[i % records.length] as (typeof records)[number];
      const row = await sealer.seal(id, record, 1);
      const context = { namespace, kind: 'record', id } as const;
      const head = headOf(gcmKey, context, row, { revision: 1, live: true });
      rows.set(recordKey(id), { row, head });
    }
    await fill(rows);
  }
}

export const idOf = (i: number): string => `server-${String(i).padStart(6, '0')}`;
