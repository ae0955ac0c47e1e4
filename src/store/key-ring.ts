import { inspect } from 'node:util';
import { LRUCache } from 'lru-cache';
import { invalidArgument } from '../assert.js';
import { printable as toPrintable } from '../certificate/printable.js';
import { McpTlsError, StoreError } from '../errors.js';
import {
  count,
  custom,
  type Declaration,
  declareOptions,
  type Kind,
  list,
  passedOn,
  readBy,
  readOptions,
  refuse,
  required,
  text,
} from '../options.js';
import { DEADLINE, withDeadline } from './deadline.js';
import { GcmKey } from './gcm-key.js';
import type { KeyProvider } from './key-provider.js';
import { derivePassphraseKey, type PassphraseKey } from './passphrase-key.js';
import { NO_KEY, readRawKey } from './raw-key.js';

/** A key of 32 random bytes: `crypto.randomBytes(32)`, kept where secrets are kept. */
export interface RawKey {
  /** 1 to 64 of `A-Z a-z 0-9 . _ -`. It stands in every record, readable by anybody. */
  id: string;
  /** 32 bytes, or base64 or base64url of 32 bytes. */
  key: Uint8Array | string;
}

/** What `createCertificateStore` takes as `keys`. */
export type KeyRingInput =
  | RawKey
  | PassphraseKey
  /** The first writes, all read. */
  | readonly (RawKey | PassphraseKey)[]
  | KeyProvider;

const KEY_ID: Kind<string> = required(
  custom(
    '1 to 64 of A-Z, a-z, 0-9, ., _ and -',
    (id) => typeof id === 'string' && /^[\w.-]{1,64}$/.test(id),
  ),
);

const RAW_KEY: Declaration<RawKey> = declareOptions<RawKey>('keys: each', {
  id: KEY_ID,
  key: required({
    ...readBy('32 bytes (crypto.randomBytes(32)), or base64 of them', (value, whose) => {
      readRawKey(value, whose);
      return value as RawKey['key'];
    }),
    hint: NO_KEY,
  }),
});

const PASSPHRASE_KEY: Declaration<PassphraseKey> = declareOptions<PassphraseKey>('keys: each', {
  id: KEY_ID,
  passphrase: required(
    custom(
      'a text of at least 16 characters',
      (value) => typeof value === 'string' && value.length >= 16,
    ),
  ),
  salt: required(
    custom(
      'at least 16 bytes of base64url (createSalt())',
      (salt) => typeof salt === 'string' && /^[A-Za-z0-9_-]{22,}$/.test(salt),
    ),
  ),
  cost: count(15, 20),
});

/** What the option `keys` must be. Checked by {@link makeKeyRing}. */
export const KEYS: Kind<KeyRingInput> = {
  ...passedOn<KeyRingInput>('a key, a list of keys, or a key provider', RAW_KEY as never),
  read: (value, whose) =>
    typeof value === 'object' && value !== null
      ? (value as KeyRingInput)
      : refuse(whose, 'a key, a list of keys, or a key provider', value),
};

/** What the option `retiredKeys` must be. */
export const RETIRED_KEYS: Kind<readonly string[]> = list(text());

/** Keys as the envelope uses them: imported once, and not to be had from them again. */
export interface KeyRing {
  /** The key that writes. @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE` if a provider fails */
  writer(): Promise<GcmKey>;
  /** @throws {StoreError} `MCP_TLS_STORE_UNKNOWN_KEY`, `MCP_TLS_STORE_UNAVAILABLE` */
  reader(id: string): Promise<GcmKey>;
  /**
   * Whether what is sealed with this key need not be sealed anew.
   *
   * @throws {StoreError} `MCP_TLS_STORE_UNAVAILABLE` if a provider fails, or does not answer `true` or `false`
   */
  isCurrent(id: string): Promise<boolean>;
}

/**
 * Checks and closes over the keys. What it returns shows no key when it is printed, and neither do
 * its errors.
 *
 * @param retired ids of keys that no record may be sealed with any more
 * @param providerMs deadline for each answer of a key provider
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function makeKeyRing(
  input: KeyRingInput,
  providerMs: number,
  retired: readonly string[] = [],
): KeyRing {
  if (isProvider(input)) {
    // Whose keys are still good is the provider's to say.
    if (retired.length > 0) invalidArgument('retiredKeys cannot be combined with a key provider');
    return printable(providedRing(input, providerMs), []);
  }
  const given: readonly unknown[] = Array.isArray(input) ? input : [input];
  if (given.length === 0) invalidArgument('keys must have at least one key');
  const keys = given.map(readKey);
  const ids = keys.map(({ id }) => id);
  const twice = ids.find((id, i) => ids.indexOf(id) !== i);
  if (twice !== undefined) invalidArgument(`keys: two keys are called '${twice}'`);
  const clash = ids.find((id) => retired.includes(id));
  if (clash !== undefined) invalidArgument(`keys: '${clash}' is retired and given as a key`);
  return printable(fixedRing(keys, retired), ids);
}

function fixedRing(keys: readonly (RawKey | PassphraseKey)[], retired: readonly string[]): KeyRing {
  const imports = new Map(keys.map((entry) => [entry.id, once(() => importEntry(entry))]));
  const first = (keys[0] as RawKey).id;
  const ring: KeyRing = {
    writer: () => ring.reader(first),
    async reader(id) {
      const load = imports.get(id);
      if (load === undefined) unknownKey(id, retired.includes(id));
      return load();
    },
    isCurrent: async (id) => id === first,
  };
  return ring;
}

/** Keys of a provider are kept by id, a bounded number of them: each may have cost a call to a KMS. */
function providedRing(provider: KeyProvider, ms: number): KeyRing {
  const imported = new LRUCache<string, GcmKey>({ max: 256 });
  const ask = <T>(question: () => Promise<T>): Promise<T> =>
    withDeadline(async () => question(), ms).catch((cause) =>
      cause === DEADLINE
        ? providerFailed('did not answer in time')
        : providerFailed('failed', cause),
    );
  const asked = new Map<string, Promise<GcmKey>>();
  async function askFor(id: string): Promise<GcmKey> {
    try {
      const key = await ask(() => provider.keyById(id));
      return key === undefined ? unknownKey(id, false) : await keep(id, key);
    } finally {
      asked.delete(id);
    }
  }
  async function keep(id: string, key: Uint8Array): Promise<GcmKey> {
    const known = imported.get(id);
    if (known !== undefined) return known;
    if (!/^[\w.-]{1,4096}$/.test(id) || key?.byteLength !== 32)
      providerFailed('gave no usable key');
    const ready = new GcmKey(id, key);
    imported.set(id, ready);
    return ready;
  }
  const ring: KeyRing = {
    async writer() {
      const { id, key } = await ask(() => provider.currentKey());
      return keep(id, key);
    },
    async isCurrent(id) {
      if (provider.isCurrent === undefined) return id === (await ring.writer()).id;
      // Also a promise, which is not what was asked for: untested, it would pass for `true`.
      const asking = withDeadline(async () => provider.isCurrent?.(id) as unknown, ms);
      // Nothing is repeated of what it throws, which may quote the credentials of its service.
      const answer = await asking.catch((cause) =>
        providerFailed(cause === DEADLINE ? 'did not answer in time' : 'failed in isCurrent'),
      );
      return typeof answer === 'boolean'
        ? answer
        : providerFailed('answered isCurrent with neither true nor false');
    },
    async reader(id) {
      const known = imported.get(id);
      if (known !== undefined) return known;
      // Many records that are read at once may wait for one key.
      const running = asked.get(id) ?? askFor(id);
      asked.set(id, running);
      return running;
    },
  };
  return ring;
}

async function importEntry(entry: RawKey | PassphraseKey): Promise<GcmKey> {
  return new GcmKey(
    entry.id,
    'passphrase' in entry ? await derivePassphraseKey(entry) : readRawKey(entry.key, 'keys: each'),
  );
}

function readKey(entry: unknown): RawKey | PassphraseKey {
  const isPassphrase = typeof entry === 'object' && entry !== null && 'passphrase' in entry;
  return isPassphrase ? readOptions(PASSPHRASE_KEY, entry) : readOptions(RAW_KEY, entry);
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

function isProvider(input: KeyRingInput): input is KeyProvider {
  const { currentKey, keyById } = (input ?? {}) as Partial<KeyProvider>;
  return typeof currentKey === 'function' && typeof keyById === 'function';
}

/** Prints as its key ids. */
function printable(ring: KeyRing, ids: readonly string[]): KeyRing {
  const shown = () => ({ keyIds: ids });
  return Object.freeze(
    Object.defineProperties(ring, { [inspect.custom]: { value: shown }, toJSON: { value: shown } }),
  );
}

function unknownKey(id: string, retired: boolean): never {
  throw new StoreError(
    'MCP_TLS_STORE_UNKNOWN_KEY',
    `sealed with the key '${id.slice(0, 64)}', which ${retired ? 'is retired' : 'is not among the keys'}`,
    { keyId: id.slice(0, 4096) },
  );
}

function providerFailed(what: string, cause?: unknown): never {
  if (cause instanceof McpTlsError) throw cause;
  const why = cause instanceof Error ? `: ${toPrintable(cause.message.slice(0, 200))}` : '';
  throw new StoreError('MCP_TLS_STORE_UNAVAILABLE', `the key provider ${what}${why}`, { cause });
}
