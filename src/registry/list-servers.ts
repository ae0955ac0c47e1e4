import { setImmediate } from 'node:timers/promises';
import { makeStoreError, StoreError } from '../errors/store-error.js';
import { explainTlsError } from '../explain-tls-error.js';
import { anyText, count, declareOptions, func, readOptions } from '../options.js';
import type { CertificateStore, ListOptions } from '../store/certificate-store.js';
import { type CheckedServerTrust, readServerTrust } from '../store/record/server-trust.js';
import { type ChainReader, rememberingChains } from '../trust/check-trust-policy.js';
import type { ReadyTrust } from '../trust/trust-policy.js';
import type { TrustReader } from './connect/trust-reader.js';
import { toRegisteredServer } from './registered-server.js';
import type { RegistryEntry, ServerListOptions } from './types.js';

/** Records that are read at one time: each is decrypted and its certificate parsed. */
const AT_ONCE = 64;

const OPTIONS = declareOptions<ServerListOptions>('registry.list: options', {
  after: anyText(),
  limit: count(1),
  onProgress: func(),
});

/** The servers of a store in the order of their ids, or a page of them. */
export async function listServers(
  store: CertificateStore,
  trust: TrustReader,
  options: ServerListOptions,
): Promise<readonly RegistryEntry[]> {
  const { onProgress, ...page } = readOptions(OPTIONS, options);
  const entries: RegistryEntry[] = [];
  const chains = rememberingChains();
  if (store.trusts === undefined) {
    return listOneByOne(store, trust, page, onProgress, chains);
  }
  for await (const batch of store.trusts(page)) {
    for (const { id, trust } of batch.entries) entries.push(await entryOf(id, trust, chains));
    await onProgress?.(batch.done, batch.total);
  }
  return entries;
}

async function entryOf(
  id: string,
  trust: ReadyTrust | StoreError,
  chains: ChainReader,
): Promise<RegistryEntry> {
  if (trust instanceof StoreError) return { id, error: trust };
  return shownInTurn(id, readServerTrust(trust), chains);
}

/** A bundle of authorities takes some 10 ms to read: what else this process does gets its turn in between. */
async function shownInTurn(
  id: string,
  server: CheckedServerTrust,
  chains: ChainReader,
): Promise<RegistryEntry> {
  if (server.named.files.length > 0) await setImmediate();
  return toRegisteredServer(id, server, chains);
}

/** Of a store that gives ids, and trust for each. */
async function listOneByOne(
  store: CertificateStore,
  trust: TrustReader,
  { after, limit = Number.POSITIVE_INFINITY }: ListOptions,
  onProgress: ServerListOptions['onProgress'],
  chains: ChainReader,
): Promise<readonly RegistryEntry[]> {
  const entries: RegistryEntry[] = [];
  for (let cursor = after; ; ) {
    const wanted = limit - entries.length;
    const ids = await listIds(store, cursor, wanted);
    for (let start = 0; start < ids.length; start += AT_ONCE) {
      const batch = ids.slice(start, start + AT_ONCE);
      const found = await Promise.allSettled(batch.map(async (id) => trust(id)));
      for (const [i, id] of batch.entries()) {
        const entry = await readEntry(id, found[i] as (typeof found)[number], chains);
        if (entry !== undefined) entries.push(entry);
      }
      await onProgress?.(start + batch.length, ids.length);
    }
    // Fewer than were asked for: some have gone since they were listed, or these were the last.
    if (entries.length >= limit || ids.length < wanted) return entries;
    cursor = ids.at(-1);
  }
}

/** In their order, and no more than were asked for, whatever the store gives. */
async function listIds(
  store: CertificateStore,
  after: string | undefined,
  limit: number,
): Promise<readonly string[]> {
  const bounded = limit !== Number.POSITIVE_INFINITY;
  const listed = await store.list({ after, ...(bounded && { limit }) });
  const ids = listed.map(({ id }) => id).filter((id) => after === undefined || id > after);
  return ids.sort().slice(0, bounded ? limit : undefined);
}

async function readEntry(
  id: string,
  found: PromiseSettledResult<CheckedServerTrust>,
  chains: ChainReader,
): Promise<RegistryEntry | undefined> {
  try {
    if (found.status === 'rejected') throw found.reason;
    return await shownInTurn(id, found.value, chains);
  } catch (error) {
    const ours = explainTlsError(error) ?? storeFailed(id, error);
    // Gone since the list was made.
    return ours.code === 'MCP_TLS_NOT_REGISTERED' ? undefined : { id, error: ours };
  }
}

/** A store of the host application's own may fail with anything. */
function storeFailed(id: string, cause: unknown): StoreError {
  const message = 'the store failed to read this record, with an error of its own';
  return makeStoreError('MCP_TLS_STORE_UNAVAILABLE', message, { id, cause });
}
