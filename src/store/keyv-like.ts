import { invalidArgument } from '../assert.js';

/** What of a Keyv storage adapter is used. A `Map` is one too. */
export interface KeyvAdapterLike {
  /** Rejects, or throws, where it fails: `undefined` means that there is none. */
  get(key: string): unknown;
  /** Resolves when it is written. */
  set(key: string, value: string, ...rest: never[]): unknown;
}

/** A Keyv instance, 5.6 or 6.1. */
export interface KeyvInstanceLike {
  readonly store: unknown;
  /** The row as it is kept, with its end. */
  getRaw(key: string): Promise<unknown>;
}

/**
 * A Keyv instance or a storage adapter of one, by its shape: the class itself would not be the same
 * class where two copies of Keyv are installed.
 */
export type KeyvLike = KeyvInstanceLike | KeyvAdapterLike;

/** What adapters may have in addition. */
export interface KeyvAdapter {
  get(key: string): unknown;
  set(key: string, value: string): unknown;
  getMany?(keys: readonly string[]): unknown;
  iterator?(namespace?: string): AsyncIterable<readonly [string, unknown]>;
  keys?(): Iterable<string>;
  disconnect?(): unknown;
  on?(event: 'error', listener: (error: unknown) => void): unknown;
  off?(event: 'error', listener: (error: unknown) => void): unknown;
  listeners?(event: 'error'): readonly unknown[];
  throwOnErrors?: boolean;
  throwOnConnectError?: boolean;
  namespace?: string | undefined;
  readonly opts?: Readonly<Record<string, unknown>>;
  /** Of @keyv/redis. */
  readonly client?: unknown;
  /** Of @keyv/postgres. */
  query?(sql: string, values: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
}

/**
 * The adapter beneath a Keyv instance. Keyv itself stands between us and the errors: 5.6 answers a
 * failed `get` with `undefined` and a failed `set` with `true`; 6.1 emits and answers `undefined`.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function keyvAdapter(keyv: KeyvLike): KeyvAdapter {
  const given = keyv as Partial<KeyvInstanceLike & KeyvAdapter> | null;
  const isInstance = typeof given?.getRaw === 'function' && typeof given.store === 'object';
  const adapter = (isInstance ? given.store : given) as Partial<KeyvAdapter> | null;
  if (typeof adapter?.get !== 'function' || typeof adapter.set !== 'function') {
    invalidArgument('keyv must be a Keyv instance or a storage adapter of Keyv');
  }
  const inner = innermost(adapter as KeyvAdapter);
  assertJudgeable(inner);
  return ownView(inner);
}

/**
 * Whether `getMany` is one operation, which fails as a whole. Others ask for each key apart, and some
 * take what failed for nothing.
 */
export function readsAtOnce(adapter: KeyvAdapter): boolean {
  return adapter instanceof Map || AT_ONCE.has(String(adapter.opts?.['dialect']));
}

const AT_ONCE: ReadonlySet<string> = new Set(['redis', 'postgres', 'mysql', 'sqlite']);

/**
 * Refuses adapters whose answers prove nothing: those that say that they speak to Redis and have other
 * keys and another client than @keyv/redis, whose lists come out empty; and memcached, which drops
 * records and cannot be asked whether it did.
 */
function assertJudgeable(adapter: KeyvAdapter): void {
  const { name } = adapter.constructor;
  const client = adapter.client as { eval?: unknown } | undefined;
  const otherRedis = adapter.opts?.['dialect'] === 'redis' && typeof client?.eval !== 'function';
  if (!otherRedis && name !== 'KeyvMemcache') return;
  invalidArgument(
    `keyv: the adapter ${name} cannot be distinguished from one that has lost its records. Tested are a Map, @keyv/redis (for Valkey too), @keyv/postgres, @keyv/mysql, @keyv/sqlite and @keyv/etcd; or use mcp-tls/redis`,
  );
}

/**
 * Keyv 6 puts a bridge around adapters of Keyv 5 and around maps. It adds expiry, which we do not use
 * (a record's expiry is sealed inside), and hides what the adapter can do.
 */
function innermost(adapter: KeyvAdapter): KeyvAdapter {
  const inner = (adapter as { store?: Partial<KeyvAdapter> }).store;
  const bridges = typeof inner?.get === 'function' && 'capabilities' in adapter;
  return bridges ? (inner as KeyvAdapter) : adapter;
}

/**
 * The adapter with settings of our own, by a view that inherits from it: `throwOnErrors` (without it
 * @keyv/redis answers a failed read with `undefined`), and the namespace of this moment (every Keyv
 * that is made over an adapter writes its own into it, and two would read each other's records).
 * The host application's adapter is left as it is.
 */
function ownView(adapter: KeyvAdapter): KeyvAdapter {
  // A map's methods need the map itself, and it has no settings.
  if (adapter instanceof Map) return adapter as unknown as KeyvAdapter;
  const view: KeyvAdapter = Object.create(adapter);
  viewed.set(view, adapter);
  view.namespace = adapter.namespace;
  if ('throwOnErrors' in adapter) view.throwOnErrors = true;
  if ('throwOnConnectError' in adapter) view.throwOnConnectError = true;
  return view;
}

const viewed = new WeakMap<KeyvAdapter, KeyvAdapter>();

/** The adapter itself that {@link keyvAdapter} gave a view of, which all stores over it have in common. */
export function adapterItself(adapter: KeyvAdapter): KeyvAdapter {
  return viewed.get(adapter) ?? adapter;
}
