import { randomUUID } from 'node:crypto';

/** The field of a namespace's hash that counts the changes that were announced. No record's key. */
export const CHANGES_FIELD = '8changes';

/** The hash that holds a namespace. */
export const hashOf = (namespace: string): string => `mcp-tls:${namespace}`;

/** Where the changes of a namespace are announced: `<sender> <key> <number of the change>`. */
export const channelOf = (namespace: string): string => `${hashOf(namespace)}:changed`;

/**
 * What the backend and the invalidation of one storage agree on: the script that writes also publishes,
 * so that the invalidation has nothing left to do, except where that failed.
 */
export interface Announcements {
  /** The name under which this process sends. */
  readonly self: string;
  /** A backend of `namespace` was made, whose writes announce themselves. */
  made(namespace: string): void;
  /** A write of `key` could not be announced. */
  failed(namespace: string, key: string): void;
  /** Whether a change of `key` is still to be announced. Forgets a failure. */
  isOwed(namespace: string, key: string): boolean;
}

export function makeAnnouncements(): Announcements {
  const announcing = new Set<string>();
  const failures = new Set<string>();
  return {
    self: randomUUID(),
    made(namespace) {
      announcing.add(namespace);
    },
    failed(namespace, key) {
      failures.add(`${namespace} ${key}`);
    },
    isOwed: (namespace, key) =>
      failures.delete(`${namespace} ${key}`) || !announcing.has(namespace),
  };
}
