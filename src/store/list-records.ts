import { StoreError } from '../errors.js';
import type { CertificateListEntry, ListOptions, TrustBatch } from './certificate-store.js';
import type { ServerTrust } from './record/server-trust.js';
import { expired } from './record-errors.js';
import type { ReadRecord, SealedRecords } from './sealed-records.js';

/** @throws {StoreError} for a row that cannot be read: whoever sees ids only would not notice it */
export async function listRecords(
  records: SealedRecords,
  page: ListOptions,
): Promise<readonly CertificateListEntry[]> {
  const { limit = Number.POSITIVE_INFINITY } = page;
  const entries: CertificateListEntry[] = [];
  for await (const { rows } of records.batches(page, 'summary')) {
    for (const { id, read } of rows) {
      if (read instanceof StoreError) throw read;
      if (read.live) entries.push({ id, revision: read.revision });
      if (entries.length === limit) return entries;
    }
  }
  return entries;
}

/** The same, opened and parsed. A row that cannot be read is listed with its error. */
export async function* listTrusts(
  records: SealedRecords,
  page: ListOptions,
  toTrust: (id: string, value: unknown, revision: number) => ServerTrust,
): AsyncGenerator<TrustBatch> {
  const trustIn = (id: string, read: ReadRecord | StoreError): ServerTrust | StoreError => {
    if (read instanceof StoreError) return read;
    if (read.expired) return expired(id);
    try {
      return toTrust(id, read.value, read.revision);
    } catch (error) {
      if (error instanceof StoreError) return error;
      throw error;
    }
  };
  let left = page.limit ?? Number.POSITIVE_INFINITY;
  for await (const { rows, done, total } of records.batches(page, 'whole')) {
    const entries = rows
      .filter(({ read }) => read instanceof StoreError || read.live)
      .slice(0, left)
      .map(({ id, read }) => ({ id, trust: trustIn(id, read) }));
    left -= entries.length;
    yield { entries, done, total };
    if (left === 0) return;
  }
}
