import { randomBytes } from 'node:crypto';
import { type Declaration, declareOptions, func, ms, readOptions, required } from '../options.js';
import { DEADLINE, withDeadline } from './deadline.js';

/** After a failure, while another data key is there. */
const RETRY_MS = 30_000;

/** A key and the name by which records know it. */
export interface ProvidedKey {
  /** Up to 4096 of `A-Z a-z 0-9 . _ -`. It stands in every record, readable by anybody. */
  readonly id: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/**
 * Keys from elsewhere: a KMS, Vault's transit engine, an HSM. Asked once for each key and process.
 * Reject when the key service fails; that is an error of the store and never a missing record.
 */
export interface KeyProvider {
  /** The key to write with from now on. */
  currentKey(): Promise<ProvidedKey>;
  /** The key that `id` names; `undefined` only if there is none. */
  keyById(id: string): Promise<Uint8Array | undefined>;
  /**
   * Whether what is sealed with this key may stay so: asked by `rewrap` for each record. Default: whether it is
   * the key that {@link currentKey} gives.
   */
  isCurrent?(id: string): boolean;
}

/** Options of {@link wrappedKeyProvider}. */
export interface WrappedKeyProviderOptions {
  /**
   * Encrypts 32 bytes: `Encrypt` of AWS KMS, `transit/encrypt` of Vault, C_WrapKey of an HSM. The signal
   * is aborted after `timeoutMs`.
   */
  wrap(dataKey: Uint8Array, context: { readonly signal: AbortSignal }): Promise<Uint8Array>;
  /** The reverse. `undefined` if the service does not know the wrapping key; reject if it failed. */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array | undefined>;
  /**
   * How long one data key writes before the next is made. Default one day. While the service cannot make
   * one, the last goes on: a service that is down stops no write, and no withdrawal.
   */
  renewMs?: number | undefined;
  /** How long one `wrap` may take. Default 2,000. */
  timeoutMs?: number | undefined;
  /**
   * Whether a data key that was wrapped so may stay in use: `false` has `rewrap` seal its records anew, such as
   * those of an older version of Vault's key. Default: all may, no matter which process made them.
   */
  isCurrent?: ((wrapped: Uint8Array) => boolean) | undefined;
}

const WRAPPED: Declaration<WrappedKeyProviderOptions> = declareOptions<WrappedKeyProviderOptions>(
  'wrappedKeyProvider: options',
  {
    wrap: required(func()),
    unwrap: required(func()),
    renewMs: ms(),
    // Without a limit, a service would hang.
    timeoutMs: ms({ min: 1 }),
    isCurrent: func(),
  },
);

/**
 * A {@link KeyProvider} over a service that only wraps and unwraps. Each process makes data keys of
 * its own; a record's key id **is** its wrapped data key, so there is nothing else to keep.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function wrappedKeyProvider(options: WrappedKeyProviderOptions): KeyProvider {
  const { renewMs = 86_400_000, timeoutMs = 2_000, isCurrent } = readOptions(WRAPPED, options);
  let current: ProvidedKey | undefined;
  let renewAt = 0;
  let making: Promise<ProvidedKey> | undefined;

  /** One at a time, and none for ever: what hangs is given up, and the next write asks again. */
  function make(): Promise<ProvidedKey> {
    making ??= makeOne().finally(() => {
      making = undefined;
    });
    return making;
  }

  async function makeOne(): Promise<ProvidedKey> {
    const key = randomBytes(32);
    const given = new AbortController();
    try {
      const wrap = async () => options.wrap(key, { signal: given.signal });
      const wrapped = await withDeadline(wrap, timeoutMs);
      current = { id: `w.${Buffer.from(wrapped).toString('base64url')}`, key };
      renewAt = performance.now() + renewMs;
      return current;
    } catch (error) {
      given.abort();
      renewAt = performance.now() + RETRY_MS;
      throw error === DEADLINE ? new Error('it did not answer in time') : error;
    }
  }

  return {
    async currentKey() {
      if (current === undefined) return make();
      // Beside the write, which does not wait for it.
      if (performance.now() >= renewAt) make().catch(() => {});
      return current;
    },
    async keyById(id) {
      const wrapped = wrappedIn(id);
      return wrapped === undefined ? undefined : options.unwrap(wrapped);
    },
    isCurrent(id) {
      const wrapped = wrappedIn(id);
      if (wrapped === undefined) return false;
      // Passed on as it is: the store refuses whatever is neither `true` nor `false`.
      return isCurrent === undefined || isCurrent(wrapped);
    },
  };
}

/** `undefined` for the id of another kind of key. */
function wrappedIn(id: string): Buffer | undefined {
  return id.startsWith('w.') ? Buffer.from(id.slice(2), 'base64url') : undefined;
}
