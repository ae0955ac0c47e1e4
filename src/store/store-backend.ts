/**
 * Where envelopes lie. Everything above it is the same for every backend: encryption, the cache,
 * deadlines. A backend moves texts by key and is honest about failing.
 */
export interface StoreBackend {
  /** In a few words, for messages: `directory`, `keyv`, `redis`. */
  readonly name: string;
  /**
   * Reads all of `keys` in **one** operation, so that a value that is there proves that the operation
   * reached the backend, and so that another's absence is an absence.
   */
  read(keys: readonly string[]): Promise<readonly (string | undefined)[]>;
  /**
   * What {@link read} would give, each as its SHA-1 in hexadecimal, computed of the value that is there now:
   * what has not changed need not be read again. Absent where that is not possible; gives `undefined` where it
   * turns out not to be.
   */
  digests?(keys: readonly string[]): Promise<readonly (string | undefined)[] | undefined>;
  /**
   * Of each row its digest, as {@link digests} gives it, and the head that was written with it last. By these a list
   * knows a record that it has not seen before: they are a tenth of the row. Absent, or `undefined`, as `digests`; a
   * row without a head is `undefined`.
   */
  heads?(keys: readonly string[]): Promise<readonly (RowHead | undefined)[] | undefined>;
  /** Every key of this store. Rejects rather than leave one out. */
  keys(): Promise<readonly string[]>;
  /**
   * The first `limit` ids of records after `after`, in a time that does not grow with how many there are. Rejects,
   * or gives `undefined`, rather than leave one out. Absent where it has to read all keys for that; `undefined`
   * where it turns out to have to.
   */
  page?(after: string | undefined, limit: number): Promise<RecordPage | undefined>;
  /** Writes whole or not at all. @param head to be kept beside it, where the backend gives {@link heads} */
  write(key: string, value: string, head?: string): Promise<void>;
  /**
   * Writes if the value is still `expected` (`undefined`: none), in one step that no other writer can
   * come between. `false`: it was not, nothing was changed. Absent where the backend has no such step.
   */
  replace?(
    key: string,
    expected: string | undefined,
    value: string,
    head?: string,
  ): Promise<boolean>;
  /** Looks for settings under which records would be lost. Rejects if there are some. */
  checkSettings?(): Promise<void>;
  /** Called once, when the store is closed. */
  close(): Promise<void>;
}

/** What a backend gives of a row in the place of it. */
export interface RowHead {
  /** Of the row as it is now. */
  readonly digest: string;
  /** As it was given when the row was written, or an earlier one. */
  readonly head: string;
}

/** Some of the ids of records, deleted ones too. */
export interface RecordPage {
  /** In their order, by UTF-16 code units. */
  readonly ids: readonly string[];
  /** How many come after them. */
  readonly left: number;
}

/**
 * Writes on the condition that the value is still `expected`, where the backend can.
 *
 * @returns `false`: another writer came first, nothing was changed
 */
export async function replaceOrWrite(
  backend: StoreBackend,
  key: string,
  expected: string | undefined,
  value: string,
  head?: string,
): Promise<boolean> {
  if (backend.replace !== undefined) return backend.replace(key, expected, value, head);
  await backend.write(key, value, head);
  return true;
}

/** Makes the backend of one namespace. Namespaces do not see each other's keys. */
export type StoreBackendFactory = (namespace: string) => StoreBackend;

const BRAND = Symbol.for('mcp-tls.not-written');

/**
 * Thrown by a backend to say that a write was **not** done. Without it, a write that rejects has an
 * unknown outcome. `instanceof` is right for errors of other copies of the package too.
 */
export class NotWrittenError extends Error {
  override readonly name = 'NotWrittenError';
  /** `'refused'`: the backend said no. `'unreachable'`: it was not asked. */
  readonly reason: 'refused' | 'unreachable';

  /** By a brand, so that it is right for errors of every copy of the package. */
  static override [Symbol.hasInstance](value: unknown): value is NotWrittenError {
    if (typeof value !== 'object' || value === null) return false;
    try {
      // A proxy that answers everything has not said that nothing was written.
      return (value as { readonly [BRAND]?: unknown })[BRAND] === true;
    } catch {
      return false;
    }
  }

  constructor(reason: 'refused' | 'unreachable', cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.reason = reason;
    Object.defineProperty(this, BRAND, { value: true });
  }
}
