import { randomBytes } from 'node:crypto';
import { assertKnownKeys, assertMs, invalidArgument } from '../assert.js';

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
}

/** Options of {@link wrappedKeyProvider}. */
export interface WrappedKeyProviderOptions {
  /** Encrypts 32 bytes: `Encrypt` of AWS KMS, `transit/encrypt` of Vault, C_WrapKey of an HSM. */
  wrap(dataKey: Uint8Array): Promise<Uint8Array>;
  /** The reverse. `undefined` if the service does not know the wrapping key; reject if it failed. */
  unwrap(wrapped: Uint8Array): Promise<Uint8Array | undefined>;
  /** How long one data key writes before the next is made. Default one day. */
  readonly renewMs?: number;
}

/**
 * A {@link KeyProvider} over a service that only wraps and unwraps. Each process makes data keys of
 * its own; a record's key id **is** its wrapped data key, so there is nothing else to keep.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function wrappedKeyProvider(options: WrappedKeyProviderOptions): KeyProvider {
  assertKnownKeys('options', options, ['wrap', 'unwrap', 'renewMs']);
  const { renewMs = 86_400_000 } = options;
  assertMs('options.renewMs', renewMs);
  for (const name of ['wrap', 'unwrap'] as const) {
    if (typeof options[name] !== 'function') invalidArgument(`options.${name} must be a function`);
  }
  let current: Promise<ProvidedKey> | undefined;
  let renewAt = 0;

  async function make(): Promise<ProvidedKey> {
    const key = randomBytes(32);
    const wrapped = await options.wrap(key);
    return { id: `w.${Buffer.from(wrapped).toString('base64url')}`, key };
  }

  return {
    currentKey() {
      if (current === undefined || performance.now() >= renewAt) {
        renewAt = performance.now() + renewMs;
        current = make();
        // A failure is not kept: the next write asks again.
        current.catch(() => {
          current = undefined;
        });
      }
      return current;
    },
    async keyById(id) {
      return id.startsWith('w.')
        ? options.unwrap(Buffer.from(id.slice(2), 'base64url'))
        : undefined;
    },
  };
}
