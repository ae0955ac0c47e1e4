import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  type ServerRegistry,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';

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
function openOver(rows: Map<string, string>): ServerRegistry {
  const cache = { ttlMs: TTL_MS };
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
async function readToTheEnd(response: Response): Promise<{ at: number; code: string | undefined }> {
  try {
    for await (const _ of response.body as AsyncIterable<unknown>);
    return { at: performance.now(), code: 'ended' };
  } catch (error) {
    return { at: performance.now(), code: explainTlsError(error)?.code };
  }
}

describe('an open stream', () => {
  it('ends within ttlMs of a revocation by a process that this one does not hear of', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows), openOver(rows)];
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint256 });
    const ended = readToTheEnd(await (await here.clientFactory('a'))()(server.url));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const revokedAt = performance.now();
    expect(await there.revoke('a')).toBe(true);
    const { at, code } = await ended;
    expect(code).toBe('MCP_TLS_CLOSED');
    // A record that was read just before is given out for ttlMs; a look begins every ttlMs.
    expect(at - revokedAt).toBeLessThan(2 * TTL_MS + 400);
  });

  it('ends when the approval expires, in the process that approved, too', async () => {
    const registry = openOver(new Map());
    const server = await serveStream();
    const expiresAt = new Date(Date.now() + 400);
    const approval = { expectFingerprint: certificate.fingerprint256, expiresAt };
    await registry.register('a', server.url, approval);
    const { code } = await readToTheEnd(await (await registry.clientFactory('a'))()(server.url));
    expect(code).toBe('MCP_TLS_CLOSED');
    expect(Date.now() - expiresAt.getTime()).toBeLessThan(TTL_MS + 400);
  });

  it('goes on where nothing was taken away', async () => {
    const rows = new Map<string, string>();
    const [here, there] = [openOver(rows), openOver(rows)];
    const server = await serveStream();
    await here.register('a', server.url, {
      pin: 'key',
      expectFingerprint: certificate.fingerprint256,
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

describe('a certificate file', () => {
  it('goes away when its server is revoked by another registry over the store', async () => {
    const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
    const [here, there] = [createServerRegistry({ store }), createServerRegistry({ store })];
    cleanups.push(async () => {
      await Promise.all([here.close(), there.close()]);
      await store.close();
    });
    const server = await serveStream();
    await here.register('a', server.url, { expectFingerprint: certificate.fingerprint256 });
    const file = await here.certificateFile('a');
    expect(existsSync(file.path)).toBe(true);
    await there.revoke('a');
    await expect.poll(() => existsSync(file.path)).toBe(false);
  });
});
