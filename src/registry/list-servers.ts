import type { CertificateStore } from '../store/certificate-store.js';
import type { TrustReader } from './connect/trust-reader.js';
import { readList } from './read-arguments.js';
import { toRegisteredServer } from './registered-server.js';
import type { ListOptions, RegistryEntry } from './types.js';

/** Records that are read at one time: each is decrypted and its certificate parsed. */
const AT_ONCE = 64;

/** The servers of a store in the order of their ids, or a page of them. */
export async function listServers(
  store: CertificateStore,
  trust: TrustReader,
  options: ListOptions,
): Promise<readonly RegistryEntry[]> {
  const { after, limit = Number.POSITIVE_INFINITY } = readList(options);
  const ids = (await store.list()).map(({ id }) => id).sort();
  const rest = after === undefined ? ids : ids.filter((id) => id > after);
  const entries: RegistryEntry[] = [];
  for (let start = 0; start < rest.length && entries.length < limit; ) {
    // No more than are still asked for, so that none is read to be thrown away.
    const batch = rest.slice(start, start + Math.min(AT_ONCE, limit - entries.length));
    start += batch.length;
    const found = await Promise.all(batch.map((id) => readEntry(id, trust)));
    entries.push(...found.filter((entry) => entry !== undefined));
  }
  return entries;
}

async function readEntry(id: string, trust: TrustReader): Promise<RegistryEntry | undefined> {
  try {
    return toRegisteredServer(id, await trust(id));
  } catch (error) {
    // Gone since the list was made.
    if ((error as { code?: unknown }).code === 'MCP_TLS_NOT_REGISTERED') return undefined;
    return { id, error };
  }
}
