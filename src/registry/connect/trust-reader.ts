import { isDeepStrictEqual } from 'node:util';
import type { CertificateStore } from '../../store/certificate-store.js';
import {
  type CheckedServerTrust,
  readServerTrust,
  serverTrust,
} from '../../store/record/server-trust.js';
import { notRegistered } from '../registry-errors.js';

/** Reads the record of a server, ready to connect with. */
export type TrustReader = (id: string) => Promise<CheckedServerTrust>;

/** Records of a host application's store that are held for comparison. */
const MAX_HELD = 10_000;

/**
 * Makes the reader of a store. An unchanged record is the same object at each reading, by which it is
 * known: our own store gives it out so; with one of a host application, which may make a new object each
 * time, the record is compared.
 *
 * The reader throws a `RegistryError` `MCP_TLS_NOT_REGISTERED` where there is no record.
 */
export function makeTrustReader(store: CertificateStore): TrustReader {
  const read = store.trust === undefined ? compared(store) : (id: string) => store.trust?.(id);
  return async (id) => {
    const trust = await read(id);
    if (trust !== undefined) return readServerTrust(trust);
    throw notRegistered(id);
  };
}

function compared(
  store: CertificateStore,
): (id: string) => Promise<CheckedServerTrust | undefined> {
  const held = new Map<string, { readonly given: unknown; readonly trust: CheckedServerTrust }>();
  return async (id) => {
    const given = await store.get(id);
    const before = held.get(id);
    if (given === undefined) {
      held.delete(id);
      return undefined;
    }
    if (before?.given === given || isDeepStrictEqual(before?.trust.record, given)) {
      return before?.trust;
    }
    const trust = serverTrust(given, 0);
    held.delete(id);
    held.set(id, { given, trust });
    const [oldest] = held.keys();
    if (held.size > MAX_HELD && oldest !== undefined) held.delete(oldest);
    return trust;
  };
}
