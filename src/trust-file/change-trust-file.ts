import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { changeJsonFile } from './change-json-file.js';
import { readRawTrustFile } from './read-trust-file.js';
import { type RawServer, type RawTrustFile, readServers } from './trust-file-text.js';

const EMPTY: RawTrustFile = { version: 1, servers: {} };

/**
 * Adds, replaces or (with `undefined`) removes servers of a trust file, and makes it if it is not there. What the
 * others say stays as it was written. The whole is read as `readTrustFile` reads it before it takes the file's
 * place.
 *
 * @param path absolute
 * @param change is given the servers as they are now
 * @throws {TlsConfigError} also for what cannot be read back, and what `change` throws; then the file is as it was
 */
export function changeTrustFile(
  path: string,
  change: (
    servers: ReadonlyMap<string, RawServer>,
  ) => Readonly<Record<string, RawServer | undefined>>,
): Promise<void> {
  return changeJsonFile(path, () => {
    const { servers } = existsSync(path) ? readRawTrustFile(path) : EMPTY;
    const entries = new Map(Object.entries(servers));
    for (const [name, server] of Object.entries(change(entries))) {
      if (server === undefined) entries.delete(name);
      else entries.set(name, server);
    }
    const changed: RawTrustFile = { version: 1, servers: Object.fromEntries(entries) };
    readServers(changed, dirname(path));
    return changed;
  });
}
