import { StoreError } from '../errors.js';
import {
  checkDigests,
  checkHeads,
  checkKeys,
  checkPage,
  checkReplaced,
  checkRows,
} from './backend-answers.js';
import { DEADLINE, withDeadline } from './deadline.js';
import { NotWrittenError, type StoreBackend } from './store-backend.js';

export interface GuardLimits {
  readonly readMs: number;
  readonly writeMs: number;
  /** So many failures in a row open the breaker ... */
  readonly breakerFailures: number;
  /** ... for so long. Then one call is let through to see. */
  readonly breakerMs: number;
  /** Whether the backend is asked for settings under which it loses records. */
  readonly asksForSettings: boolean;
}

/**
 * A backend whose every call ends in time, whose every answer has the form that it should, and whose every
 * failure is one of ours.
 *
 * Nothing is tried again: a read costs its caller one deadline, and a write that was sent may have
 * happened. After `breakerFailures` in a row, calls fail at once instead of queueing up behind a
 * backend that hangs; what was not sent is known not to have happened.
 *
 * @param assertOpen throws if the store was closed: called before each call, since a backend that is asked
 *   afterwards may open its connection again
 */
export function guardBackend(
  backend: StoreBackend,
  limits: GuardLimits,
  assertOpen: () => void,
): StoreBackend {
  let failures = 0;
  let closedUntil = 0;

  async function call<T>(kind: 'read' | 'write', run: () => Promise<T>): Promise<T> {
    assertOpen();
    if (failures >= limits.breakerFailures) {
      if (performance.now() < closedUntil) {
        throw new StoreError(
          'MCP_TLS_STORE_UNAVAILABLE',
          `the store's backend (${backend.name}) failed ${failures} times in a row: not asked again yet`,
        );
      }
      // The next one in goes to see; the others wait for what it finds.
      closedUntil = performance.now() + limits.breakerMs;
    }
    try {
      const result = await withDeadline(run, kind === 'read' ? limits.readMs : limits.writeMs);
      failures = 0;
      return result;
    } catch (cause) {
      // A reading that failed because its connection was closed. Of a write more has to be said.
      if (kind === 'read') assertOpen();
      const error = toStoreError(cause, kind, backend.name);
      // Of an outcome that the backend itself calls unknown, the servers behind it have reported it.
      const itself = cause === error && error.code === 'MCP_TLS_STORE_OUTCOME_UNKNOWN';
      const refused = error.code === 'MCP_TLS_STORE_REFUSED';
      if (refused || itself || error.code === 'MCP_TLS_STORE_EVICTING') {
        // It answered.
        failures = 0;
      } else if (++failures >= limits.breakerFailures) {
        closedUntil = performance.now() + limits.breakerMs;
      }
      throw error;
    }
  }

  const { replace, digests, heads, page, checkSettings } = backend;
  return {
    name: backend.name,
    read: (keys) => call('read', async () => checkRows(await backend.read(keys), keys)),
    ...(digests && {
      digests: (keys) =>
        call('read', async () => checkDigests(await digests.call(backend, keys), keys)),
    }),
    ...(heads && {
      heads: (keys) => call('read', async () => checkHeads(await heads.call(backend, keys), keys)),
    }),
    keys: () => call('read', async () => checkKeys(await backend.keys())),
    ...(page && {
      page: (after, limit) =>
        call('read', async () => checkPage(await page.call(backend, after, limit), after, limit)),
    }),
    write: (key, value, head) => call('write', () => backend.write(key, value, head)),
    ...(replace && {
      replace: (key, expected, value, head) =>
        call('write', async () =>
          checkReplaced(await replace.call(backend, key, expected, value, head)),
        ),
    }),
    ...(limits.asksForSettings &&
      checkSettings && {
        checkSettings: () => call('read', () => checkSettings.call(backend)),
      }),
    close: () => withDeadline(() => backend.close(), limits.writeMs).catch(() => {}),
  };
}

function toStoreError(cause: unknown, kind: 'read' | 'write', name: string): StoreError {
  if (cause instanceof StoreError) return cause;
  const backend = `the store's backend (${name})`;
  const notWritten = cause instanceof NotWrittenError ? cause : undefined;
  if (notWritten?.reason === 'refused') {
    const message = `${backend} refused to write: ${notWritten.message}`;
    return new StoreError('MCP_TLS_STORE_REFUSED', message, { cause });
  }
  if (kind === 'write' && notWritten === undefined) {
    const what = cause === DEADLINE ? 'did not answer in time' : `failed: ${textOf(cause)}`;
    return new StoreError(
      'MCP_TLS_STORE_OUTCOME_UNKNOWN',
      `${backend} ${what}. The write may have happened, or may still happen`,
      cause === DEADLINE ? {} : { cause },
    );
  }
  if (cause === DEADLINE) {
    return new StoreError('MCP_TLS_STORE_TIMEOUT', `${backend} did not answer in time`);
  }
  return new StoreError('MCP_TLS_STORE_UNAVAILABLE', `${backend} failed: ${textOf(cause)}`, {
    cause,
  });
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // An AggregateError of connection attempts has an empty message.
  return cause.message || String((cause as NodeJS.ErrnoException).code ?? cause.name);
}
