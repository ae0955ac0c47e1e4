import type { StoreNotes } from '../../store/store-notes.js';

/** Notes of this process, which then agrees with itself only: for stores that have none. */
export function ownNotes(): StoreNotes {
  const values = new Map<string, unknown>();
  return {
    read: async (names) => names.map((name) => values.get(name)),
    async update(name, change) {
      const value = change(values.get(name));
      if (value !== undefined) values.set(name, value);
      return value !== undefined;
    },
  };
}
