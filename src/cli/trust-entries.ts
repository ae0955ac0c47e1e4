import { existsSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import type { TrustPolicy } from '../core.js';
import { kindOf } from '../registry/registered-server.js';
import { checkTrustPolicy, rootsOf } from '../trust/check-trust-policy.js';
import { readRawTrustFile } from '../trust-file/read-trust-file.js';
import { readServers, type TrustFileServer } from '../trust-file/trust-file-text.js';
import { UsageError } from './exit-codes.js';
import { shown } from './printer.js';

/** A server of a trust file, with what stands there. */
export interface TrustEntry extends TrustFileServer {
  readonly tls: unknown;
}

/** Every server of a trust file; of one that is not there, none. */
export function readEntries(file: string): readonly TrustEntry[] {
  if (!existsSync(file)) return [];
  const frame = readRawTrustFile(file);
  const servers = readServers(frame, dirname(file));
  return servers.map((server) => ({ ...server, tls: frame.servers[server.name]?.tls }));
}

/** What a server is trusted by, in words. */
export function trustWords(trust: TrustPolicy | null): string {
  const policy = checkTrustPolicy(trust);
  const pinned = policy.pins.length > 0 && policy.identity === 'name' ? ', and a pin' : '';
  const until = policy.allowExpired ? ', also after it has expired' : '';
  const isBySystem = rootsOf(policy) === 'system';
  const by = isBySystem ? 'the roots of the operating system' : KINDS[kindOf({ policy })];
  return `${by}${pinned}${until}`;
}

const KINDS = {
  key: 'a pinned key',
  certificate: 'its own certificate',
  authority: 'an authority of yours',
  roots: 'the default roots',
} as const;

/** A path as a trust file has it: relative to its folder, and below it. */
export function pathBeside(file: string, path: string): string {
  const way = relative(dirname(file), resolve(path));
  if (way === '' || way.startsWith('..') || isAbsolute(way)) {
    throw new UsageError(
      `${shown(path)} must be in the folder of the trust file, ${shown(dirname(file))}, or below it`,
    );
  }
  return way;
}

/** A `tls` field as it may be shown: without a key or a passphrase that stands in it. */
export function withoutSecrets(tls: unknown): unknown {
  if (typeof tls !== 'object' || tls === null || !('clientCertificate' in tls)) return tls;
  const { key, passphrase, ...shown } = tls.clientCertificate as Readonly<Record<string, unknown>>;
  const hidden = (value: unknown, name: string) =>
    value === undefined ? {} : { [name]: '(not shown)' };
  return {
    ...tls,
    clientCertificate: { ...shown, ...hidden(key, 'key'), ...hidden(passphrase, 'passphrase') },
  };
}
