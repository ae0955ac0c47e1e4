/** What hostile servers do to whoever watches many. The servers are in the same process: CPU time is theirs too. */
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import {
  createCertificateStore,
  createServerRegistry,
  type ServerRegistry,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

const DAY_MS = 86_400_000;
const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS);

interface Watched {
  readonly server: TlsServer;
  readonly certificate: HeldCertificate;
}

async function serve(): Promise<Watched> {
  const certificate = await heldCertificate({ notAfter: inDays(300) });
  return { certificate, server: await startTlsServer({ certificate }) };
}

async function openRegistry(
  watched: readonly Watched[],
  connectMs: number,
): Promise<ServerRegistry> {
  const store = createCertificateStore({
    keys: [{ id: 'k1', key: randomBytes(32) }],
    storage: 'memory',
    whenEmpty: 'create',
  });
  const registry = createServerRegistry({ store, timeout: { connectMs } });
  for (const [i, { server, certificate }] of watched.entries()) {
    const approved = { expectFingerprint: certificate.fingerprint };
    await registry.register(`server-${i}`, server.url, approved);
  }
  return registry;
}

/**
 * 20 servers change their certificate while 100 stall.
 *
 * @returns after how many milliseconds the last change was reported
 */
export async function watchAmongStalling(): Promise<number> {
  const all = await Promise.all(Array.from({ length: 120 }, serve));
  const registry = await openRegistry(all, 1_000);
  const waiting = new Set<string>();
  for (const [i, { server }] of all.entries()) {
    if (i % 6 === 0) {
      waiting.add(`server-${i}`);
      server.rotate(await heldCertificate({ notAfter: inDays(300) }), { dropConnections: true });
    } else {
      server.stall('handshake');
      server.dropConnections();
    }
  }
  const begin = performance.now();
  for await (const event of registry.watch()) {
    if (event.type === 'changed') waiting.delete(event.id);
    if (waiting.size === 0) break;
  }
  return Math.round(performance.now() - begin);
}

/** A server shows another certificate with each of 60 requests. @returns how many events were reported */
export async function watchAlternating(): Promise<number> {
  const one = await serve();
  const { certificate, server } = one;
  const registry = await openRegistry([one], 2_000);
  const shown = [
    await heldCertificate({ notAfter: inDays(300) }),
    await heldCertificate({ renewFrom: certificate, notBefore: inDays(-2), notAfter: inDays(-1) }),
    await heldCertificate({ renewFrom: certificate, notBefore: inDays(1), notAfter: inDays(9) }),
  ];
  let events = 0;
  const watch = registry.watch({ intervalMs: 60_000 });
  for (const type of ['changed', 'refused'] as const) watch.on(type, () => events++);
  const client = (await registry.clientFactory('server-0'))();
  for (let i = 0; i < 60; i++) {
    server.rotate(shown[i % shown.length] as HeldCertificate, { dropConnections: true });
    await client(server.url).catch(() => {});
    await pause(30);
  }
  await watch.close();
  return events;
}
