/** A process that watches the servers of a store, for test/store/watch.test.ts. */
import {
  createCertificateStore,
  createServerRegistry,
  type RegistryEvent,
} from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { serveCalls } from './serve-calls.js';

const events: RegistryEvent[] = [];

serveCalls({
  async watch(redis: string, key: string, namespace: string) {
    const store = createCertificateStore({
      keys: [{ id: 'k1', key }],
      namespace,
      storage: redisStorage(redis),
      // Where every core is busy, a healthy Redis takes longer than 2 s now and then.
      timeout: { readMs: 15_000, writeMs: 15_000 },
    });
    const registry = createServerRegistry({ store });
    (async () => {
      for await (const event of registry.watch({ pollMs: 200 })) events.push(event);
    })();
  },
  async told() {
    return events.map((event) =>
      'id' in event ? [event.type, event.id, event.first] : [event.type],
    );
  },
});
