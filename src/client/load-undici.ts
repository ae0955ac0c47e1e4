import { TlsConfigError } from '../errors.js';

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
 *
 * @throws {TlsConfigError} `MCP_TLS_UNSUPPORTED_RUNTIME`
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
  const undici = await importUndici();
  if (own !== undefined && slots[LEGACY_DISPATCHER] !== own) slots[LEGACY_DISPATCHER] = own;
  // What some runtimes and bundlers put in its place.
  if (typeof undici.Client?.prototype?.dispatch !== 'function') {
    throw unusable('what this runtime loads as undici is not undici');
  }
  return undici;
}

async function importUndici(): Promise<Undici> {
  try {
    return await import('undici');
  } catch (cause) {
    const { code } = Object(cause) as { readonly code?: unknown };
    const detail = typeof code === 'string' ? ` (${code})` : '';
    throw unusable(`undici, a dependency of mcp-tls, cannot be loaded${detail}`, cause);
  }
}

function unusable(what: string, cause?: unknown): TlsConfigError {
  return new TlsConfigError(
    'MCP_TLS_UNSUPPORTED_RUNTIME',
    `${what}: check the installation, and the bundler if there is one`,
    cause === undefined ? undefined : { cause },
  );
}
