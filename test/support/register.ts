/**
 * Registers the server at URL without any approval, and with its key pinned; moves it to SECOND, which
 * has another certificate; asks both ways. Prints what came of it, as JSON.
 */
import { randomBytes } from 'node:crypto';
import { createCertificateStore, createServerRegistry, explainTlsError } from '../../src/index.js';

const [url = '', second = ''] = process.argv.slice(2);
const store = createCertificateStore({
  keys: [{ id: 'k1', key: randomBytes(32) }],
  storage: new Map(),
  whenEmpty: 'create',
});
const registry = createServerRegistry({ store });

async function outcome(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return await action();
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  }
}

async function ask(id: string, target: string): Promise<unknown> {
  return outcome(async () => (await (await registry.clientFactory(id))()(target)).status);
}

console.log(
  JSON.stringify({
    registered: await outcome(async () => (await registry.register('a', url)).kind),
    pinned: await outcome(async () => (await registry.register('b', url, { pin: 'key' })).kind),
    asked: await ask('a', url),
    moved: await outcome(async () => (await registry.update('a', { url: second })).url === second),
    renewed: await outcome(async () => (await registry.renew('a')).changed),
    askedAgain: await ask('a', second),
    pinnedMoved: await outcome(async () => registry.update('b', { url: second })),
  }),
);
await registry.close();
await store.close();
