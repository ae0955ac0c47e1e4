import type { Database } from '../../examples/host-store/database.js';
import { recordKey } from '../../src/store/record-key.js';
import type { StoreBackend } from '../../src/store/store-backend.js';

/** Where a flow waits for something. One of these places can be made to hold it. */
export interface Points {
  /** Resolves at once, or when the flow may go on. */
  at(label: string): Promise<void>;
  /** The record that the held flow is about. */
  readonly id: string | undefined;
}

/** Holds one flow of this process, at one of the points that it passes. */
export class Barrier implements Points {
  #id: string | undefined;
  #left = 0;
  #held: ((label: string) => void) | undefined;
  #release: (() => void) | undefined;

  get id(): string | undefined {
    return this.#id;
  }

  get isHolding(): boolean {
    return this.#release !== undefined;
  }

  /** @param holdAt number of the point, from 1 @returns the label of the point at which it was held */
  arm(id: string, holdAt: number): Promise<string> {
    this.#id = id;
    this.#left = holdAt;
    return new Promise((resolve) => {
      this.#held = resolve;
    });
  }

  async at(label: string): Promise<void> {
    if (this.#id === undefined || this.#left === 0 || --this.#left > 0) return;
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      this.#held?.(label);
    });
  }

  /** Lets it go on, and holds nothing any more. */
  open(): void {
    this.#id = undefined;
    this.#release?.();
    this.#release = undefined;
  }
}

/** A backend at whose operations on one record a flow can be held: before they begin, and before it hears of them. */
export function gateBackend(backend: StoreBackend, points: Points): StoreBackend {
  const around = async <T>(concerns: boolean, what: string, run: () => Promise<T>): Promise<T> => {
    if (concerns) await points.at(`before ${what}`);
    const result = await run();
    if (concerns) await points.at(`after ${what}`);
    return result;
  };
  const isOurs = (key: string): boolean => points.id !== undefined && key === recordKey(points.id);
  const { replace } = backend;
  return {
    ...backend,
    read: (keys) => around(keys.some(isOurs), 'read', () => backend.read(keys)),
    keys: () => around(points.id !== undefined, 'keys', () => backend.keys()),
    write: (key, value) => around(isOurs(key), 'write', () => backend.write(key, value)),
    ...(replace && {
      replace: (key, expected, value) =>
        around(isOurs(key), 'replace', () => replace.call(backend, key, expected, value)),
    }),
  };
}

/** The same for a host application's database. */
export function gateDatabase(database: Database, points: Points): Database {
  return {
    async query(sql, values = []) {
      const concerns = points.id !== undefined && values.includes(points.id);
      const what = sql.trim().split(/\s/)[0] ?? '';
      if (concerns) await points.at(`before ${what}`);
      const result = await database.query(sql, values);
      if (concerns) await points.at(`after ${what}`);
      return result;
    },
    close: () => database.close(),
  };
}
