import type { CertificateStore } from '../store/certificate-store.js';
import type { EncryptedCertificateStore } from '../store/create-certificate-store.js';
import type { StoreNotes } from '../store/store-notes.js';

/** What our own store has and one of the host application's need not have. */
type Parts = Partial<Pick<EncryptedCertificateStore, 'onChange' | 'notes'>>;

/** Whether the store tells of changes, those made through it included. */
export const tellsOfChanges = (store: CertificateStore): boolean =>
  (store as Parts).onChange !== undefined;

/** Calls `listener` when a record may have changed; without an id when any may have. @returns ends it */
export function onStoreChange(
  store: CertificateStore,
  listener: (id: string | undefined) => void,
): () => void {
  return (store as Parts).onChange?.(listener) ?? (() => {});
}

/** The store's notes; without, notes of this process, which then agrees with itself only. */
export function notesOf(store: CertificateStore): StoreNotes {
  return (store as Parts).notes ?? makeOwnNotes();
}

function makeOwnNotes(): StoreNotes {
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
