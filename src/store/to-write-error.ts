import { NotWrittenError } from './store-backend.js';

/**
 * What a driver's error says about a write: one that the database sent back is a refusal, one from
 * before anything was sent means unreachable; of all others the outcome is unknown, and they are
 * returned as they are. By shape, since drivers come in several copies.
 */
export function toWriteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, severity, sqlState } = error as Error &
    Partial<Record<'code' | 'severity' | 'sqlState', unknown>>;
  const kind = error.constructor.name;
  const byRedis = kind.endsWith('ErrorReply') || kind === 'SimpleError';
  // A SQLSTATE, of PostgreSQL or of MariaDB. Classes 08 and 57 are connections that were cut in the middle.
  const state = typeof severity === 'string' ? code : sqlState;
  const bySql = state !== undefined && !/^(08|57)/.test(String(state));
  // Nothing of etcd: it says that its space is exceeded before a proposal, and of one that it has applied too.
  if (byRedis || bySql) return new NotWrittenError('refused', error);
  const unsent =
    code === 'ECONNREFUSED' ||
    kind === 'ClientOfflineError' ||
    kind === 'ClientClosedError' ||
    /^Redis client is not connected/.test(error.message);
  return unsent ? new NotWrittenError('unreachable', error) : error;
}
