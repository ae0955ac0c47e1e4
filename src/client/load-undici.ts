/** The undici that this package depends on. Loaded at the first request, not at import. */
export type Undici = typeof import('undici');

const LEGACY_DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Loads undici without letting it touch the process-wide dispatcher.
 *
 * On load, undici installs an Agent of its own as the dispatcher of the whole process if there is
 * none yet. Node.js makes its own as soon as anything of its fetch is looked at, so that is done
 * first. undici 8 on Node 22 replaces the older of the two dispatcher slots nevertheless, hence the
 * restoring.
 */
export async function loadUndici(): Promise<Undici> {
  loaded ??= await load();
  return loaded;
}

/** Undici, if it is loaded: to go on without waiting. */
export const loadedUndici = (): Undici | undefined => loaded;

let loaded: Undici | undefined;

async function load(): Promise<Undici> {
  void globalThis.Response;
  const slots = globalThis as unknown as Record<symbol, unknown>;
  const own = slots[LEGACY_DISPATCHER];
  const undici = await import('undici');
  if (own !== undefined && slots[LEGACY_DISPATCHER] !== own) slots[LEGACY_DISPATCHER] = own;
  return undici;
}
