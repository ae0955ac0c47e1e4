// Importing the core loads nothing heavy and changes nothing global.
import assert from 'node:assert/strict';
import { createRequire, register } from 'node:module';
import { MessageChannel } from 'node:worker_threads';

const { port1, port2 } = new MessageChannel();
const hook = `
  let port;
  export function initialize(data) { port = data.port; }
  export async function load(url, context, next) { port.postMessage(url); return next(url, context); }
`;
register(`data:text/javascript,${encodeURIComponent(hook)}`, {
  data: { port: port2 },
  transferList: [port2],
});
const loaded = [];
port1.on('message', (url) => loaded.push(url)).unref();

const before = globals();
const core = await import('mcp-tls/core');
createRequire(import.meta.url)('mcp-tls/core');
assert.deepEqual(changes(before), []);

// CJS loads are not seen by the hook; the cache has those of both kinds of importers.
const files = [...loaded, ...Object.keys(createRequire(import.meta.url).cache)];
const packages = files.map((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
// lru-cache is one small file without side effects; the store's cache is made of it.
assert.deepEqual([...new Set(packages.filter(Boolean))].sort(), ['lru-cache', 'mcp-tls']);

// The first request loads undici, which would like to be the dispatcher of the whole process.
// Node.js makes many globals when they are first read: all are, before the comparison.
for (const key of Reflect.ownKeys(globalThis)) read(key);
const beforeRequest = globals();
const { exerciseCore } = await import('./exercise.cjs');
await exerciseCore(core);
// describeCertificate() loads pkijs, which keeps its crypto engine at globalThis[process.pid].
assert.deepEqual(changes(beforeRequest), [String(process.pid)]);

/** Some getters throw where a flag is missing. */
function read(key) {
  try {
    return globalThis[key];
  } catch {
    return undefined;
  }
}

/** By descriptor, so that the getters of lazy globals do not run. */
function globals() {
  return new Map(
    Reflect.ownKeys(globalThis).map((key) => [
      key,
      Object.getOwnPropertyDescriptor(globalThis, key),
    ]),
  );
}

function changes(old) {
  const now = globals();
  const keys = new Set([...old.keys(), ...now.keys()]);
  return [...keys].filter((key) => {
    const [a, b] = [old.get(key), now.get(key)];
    return !Object.is(a?.value, b?.value) || a?.get !== b?.get || a?.set !== b?.set;
  });
}
