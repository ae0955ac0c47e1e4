import type { StoreBackend } from '../../../src/store/index.js';

/**
 * The rows of a store from behind, past everything that guards them: what an attacker, a bad disk or
 * an operator's mistake does.
 */
export interface Rows {
  read(key: string): Promise<string | undefined>;
  write(key: string, value: string): Promise<void>;
  remove(key: string): Promise<void>;
  keys(): Promise<readonly string[]>;
}

/** By the backend itself, where it can remove too. */
export function rowsOf(backend: StoreBackend, remove: (key: string) => Promise<unknown>): Rows {
  return {
    read: async (key) => (await backend.read([key]))[0],
    write: (key, value) => backend.write(key, value),
    remove: async (key) => {
      await remove(key);
    },
    keys: () => backend.keys(),
  };
}

export async function wipe(rows: Rows): Promise<void> {
  for (const key of await rows.keys()) await rows.remove(key);
}
