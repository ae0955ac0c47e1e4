/** What a library could change under everybody's feet. */
import http from 'node:http';
import https from 'node:https';
import tls from 'node:tls';

type Snapshot = ReadonlyMap<string, unknown>;

/**
 * Every property of the global object and of what hangs on it (such as `Response.prototype`), the
 * process-wide dispatchers, the environment, and what TLS takes for everybody.
 */
export function takeSnapshot(): Snapshot {
  const found = new Map<string, unknown>();
  addProperties(found, 'globalThis', globalThis, 2);
  addProperties(found, 'process.env', process.env, 0);
  for (const event of process.eventNames()) {
    found.set(`process.on(${String(event)})`, process.listenerCount(event));
  }
  found.set('http.globalAgent', http.globalAgent);
  found.set('https.globalAgent', https.globalAgent);
  addProperties(found, 'https.globalAgent.options', https.globalAgent.options, 0);
  for (const name of ['DEFAULT_MIN_VERSION', 'DEFAULT_MAX_VERSION', 'DEFAULT_CIPHERS'] as const) {
    found.set(`tls.${name}`, tls[name]);
  }
  return found;
}

/** The names of what is new, gone or another. */
export function compareSnapshots(before: Snapshot, after: Snapshot): string[] {
  const names = new Set([...before.keys(), ...after.keys()]);
  return [...names].filter((name) => !Object.is(before.get(name), after.get(name)));
}

function addProperties(
  found: Map<string, unknown>,
  path: string,
  holder: object,
  depth: number,
): void {
  found.set(`${path}.__proto__`, Object.getPrototypeOf(holder));
  for (const key of Reflect.ownKeys(holder)) {
    const name = `${path}.${String(key)}`;
    const property = Object.getOwnPropertyDescriptor(holder, key);
    if (property === undefined || found.has(name)) continue;
    const { get, set, value } = property;
    for (const [part, one] of Object.entries({ get, set, value })) {
      if (one !== undefined) found.set(`${name} (${part})`, one);
    }
    const goesOn = (typeof value === 'object' && value !== null) || typeof value === 'function';
    if (depth > 0 && goesOn && !INWARD.has(key)) addProperties(found, name, value, depth - 1);
  }
}

/** Lead back, or to what changes by itself. */
const INWARD: ReadonlySet<string | symbol> = new Set(['globalThis', 'global', 'process']);
