import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  type ServerRegistry,
} from '../../src/index.js';
import { createStorage, type StoreBackend } from '../../src/store/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';

/** Trust is looked at while it is used: by a process that is not told of anything. */

const TTL_MS = 300;
const keys = [{ id: 'k1', key: randomBytes(32) }];
const cleanups: (() => Promise<unknown>)[] = [];
let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** As another process has it: a store and a cache of its own, over the same rows, without a channel. */
function openOver(rows: Map<string, string>, ttlMs = TTL_MS): ServerRegistry {
  const cache = { ttlMs };
  const store = createCertificateStore({ keys, storage: rows, whenEmpty: 'create', cache });
  const registry = createServerRegistry({ store });
  cleanups.push(async () => {
    await registry.close();
    await store.close();
  });
  return registry;
}

/** Answers with a stream that never ends. */
async function serveStream(): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate,
    onRequest: (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    },
  });
  cleanups.push(() => server.close());
  return server;
}

/** Reads until the stream breaks. @returns when that was, and why */
async function readToTheEnd(response: Response): Promise<{ code: string | undefined }> {
  try {
    for await (const _ of response.body as AsyncIterable<unknown>);
    return { code: 'ended' };
  } catch (error) {
    return { code: explainTlsError(error)?.code };
  }
}

describe('an open stream', () => {
  it('ends within ttlMs of a revocation by a process that this one does not hear of', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows), openOver(rows)];
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const ended = readToTheEnd(await (await here.clientFactory('a'))()(server.url));
    await new Promise((resolve) => setTimeout(resolve, 50));
    using lag = new Lag();
    expect(await there.revoke('a')).toBe(true);
    const { code } = await ended;
    expect(code).toBe('MCP_TLS_CLOSED');
    // A record that was read just before is given out for ttlMs; then a look sees it.
    expect(lag.elapsedMs).toBeLessThan(TTL_MS + 500 + 400);
  });

  it('ends half a second after ttlMs at the latest, when the record was read just before it was revoked', async () => {
    const rows = new Map<string, string>();
    const ttlMs = 2_000;
    const [here, there] = [openOver(rows, ttlMs), openOver(rows)];
    const server = await serveStream();
    await there.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    await here.get('a');
    await new Promise((resolve) => setTimeout(resolve, ttlMs - 150));
    // Held until shortly after the stream began, and then read anew: the worst that can be.
    const ended = readToTheEnd(await (await here.clientFactory('a'))()(server.url));
    await new Promise((resolve) => setTimeout(resolve, 250));
    await here.get('a');
    await there.revoke('a');
    using lag = new Lag();
    const { code } = await ended;
    expect(code).toBe('MCP_TLS_CLOSED');
    expect(lag.elapsedMs).toBeLessThan(ttlMs + 500 + 400);
  });

  it('ends when the approval expires, in the process that approved, too', async () => {
    const registry = openOver(new Map());
    const server = await serveStream();
    using lag = new Lag();
    const expiresAt = new Date(Date.now() + 400);
    const approval = { expectFingerprint: certificate.fingerprint, expiresAt };
    await registry.register('a', server.url, approval);
    const { code } = await readToTheEnd(await (await registry.clientFactory('a'))()(server.url));
    expect(code).toBe('MCP_TLS_CLOSED');
    expect(lag.elapsedMs).toBeLessThan(400 + TTL_MS + 400);
  });

  it('goes on where nothing was taken away', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows), openOver(rows)];
    const server = await serveStream();
    await here.register('a', server.url, {
      pin: 'key',
      expectFingerprint: certificate.fingerprint,
    });
    const ended = readToTheEnd(await (await here.clientFactory('a'))()(server.url));
    const backup = (await heldCertificate()).spkiPin;
    await there.update('a', { pins: [certificate.spkiPin, backup], labels: { team: 'x' } });
    const outcome = await Promise.race([
      ended.then(() => 'ended'),
      new Promise((resolve) => setTimeout(resolve, 3 * TTL_MS, 'goes on')),
    ]);
    expect(outcome).toBe('goes on');
    await here.revoke('a');
    await ended;
  });
});

describe('a watch that reports a revocation', () => {
  it('ends what its own process has open, however long a cache may hold the record', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows, 30_000), openOver(rows, 30_000)];
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const interval = { intervalMs: 3_600_000, pollMs: 100 };
    await using watch = here.watch(interval);
    await using _other = there.watch(interval);
    const revoked = new Promise((resolve) => watch.on('revoked', resolve));
    const ended = readToTheEnd(await (await here.clientFactory('a'))()(server.url));
    await there.revoke('a');
    await revoked;
    using lag = new Lag();
    const { code } = await ended;
    expect(code).toBe('MCP_TLS_CLOSED');
    // The cache holds it for 30 s.
    expect(lag.elapsedMs).toBeLessThan(5_000);
    const error = await here.get('a').catch((one) => one);
    expect(error).toMatchObject({ code: 'MCP_TLS_NOT_REGISTERED' });
  });
});

describe('a look at what is open', () => {
  it('keeps no request from its answer, however slow the store is', async () => {
    const rows = new Map<string, string>();
    let delayMs = 0;
    const backend = (): StoreBackend => ({
      name: 'slow',
      async read(keys) {
        await new Promise((resolve) => setTimeout(resolve, delayMs));
        return keys.map((key) => rows.get(key));
      },
      keys: async () => [...rows.keys()],
      write: async (key, value) => void rows.set(key, value),
      close: async () => {},
    });
    const cache = { ttlMs: 0 };
    const storage = createStorage({ backend });
    const store = createCertificateStore({ keys, storage, whenEmpty: 'create', cache });
    const registry = createServerRegistry({ store });
    cleanups.push(async () => {
      await registry.close();
      await store.close();
    });
    const server = await startTlsServer({ certificate });
    cleanups.push(() => server.close());
    await registry.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const client = (await registry.clientFactory('a'))();
    expect((await client(server.url)).status).toBe(200);
    // Connections are open now, and looked at more often than a reading takes.
    delayMs = 700;
    const answer = client(server.url).then(({ status }) => status);
    const late = new Promise((resolve) => setTimeout(resolve, 3_000, 'late'));
    expect(await Promise.race([answer, late])).toBe(200);
  });
});

describe('a certificate file', () => {
  it('goes away when its server is revoked by a process that this one does not hear of', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows), openOver(rows)];
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const file = await here.certificateFile('a');
    await there.revoke('a');
    await expect.poll(() => existsSync(file.path), { timeout: TTL_MS + 2_000 }).toBe(false);
  });

  it('goes away when its server is revoked by another registry over the store', async () => {
    const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
    const [here, there] = [createServerRegistry({ store }), createServerRegistry({ store })];
    cleanups.push(async () => {
      await Promise.all([here.close(), there.close()]);
      await store.close();
    });
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint });
    const file = await here.certificateFile('a');
    expect(existsSync(file.path)).toBe(true);
    await there.revoke('a');
    await expect.poll(() => existsSync(file.path)).toBe(false);
  });
});
