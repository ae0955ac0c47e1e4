import { NotWrittenError } from './store-backend.js';

/**
 * A SQLSTATE, of PostgreSQL or of MariaDB, by which nothing was written. Classes 08 and 57 are connections that
 * were cut in the middle, 40003 and class XX (errors within the server) leave open how far a statement came.
 */
const REFUSAL = /^(?!08|57|XX|40003)[0-9A-Z]{5}$/;
/** Errors of MariaDB that do so too: during COMMIT, and of a connection that was killed. */
const UNSURE: ReadonlySet<unknown> = new Set([1180, 1927]);

/**
 * What a driver's error says about a write: one that the database sent back is a refusal, one from
 * before anything was sent means unreachable; of all others the outcome is unknown, and they are
 * returned as they are. By shape, since drivers come in several copies.
 */
export function toWriteError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code, severity, sqlState, errno } = error as Error &
    Partial<Record<'code' | 'severity' | 'sqlState' | 'errno', unknown>>;
  const kind = error.constructor.name;
  const byRedis = kind.endsWith('ErrorReply') || kind === 'SimpleError';
  const state = typeof severity === 'string' ? code : sqlState;
  const bySql = REFUSAL.test(String(state)) && !UNSURE.has(errno);
  // Nothing of etcd: it says that its space is exceeded before a proposal, and of one that it has applied too.
  if (byRedis || bySql) return new NotWrittenError('refused', error);
  const unsent =
    code === 'ECONNREFUSED' ||
    kind === 'ClientOfflineError' ||
    kind === 'ClientClosedError' ||
    /^Redis client is not connected/.test(error.message);
  return unsent ? new NotWrittenError('unreachable', error) : error;
}
