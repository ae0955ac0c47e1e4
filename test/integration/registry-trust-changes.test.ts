import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type ApprovalRequiredError,
  type CertificateStore,
  createCertificateStore,
  directoryStorage,
  explainTlsError,
  type TlsTrustError,
} from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import {
  approved,
  certificate,
  cleanups,
  codeOf,
  connect,
  echo,
  failure,
  key,
  memoryStore,
  open,
  serve,
} from './registry-setup.js';

describe('a change of trust', () => {
  it('by a renewal with the same key is stored without approval, and connections go on', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, { ...approved(), pin: 'key' });
    const client = await connect(await registry.streamableHttpClient('a'));
    const slow = client.callTool({ name: 'slow', arguments: { ms: 300 } });
    const next = await heldCertificate({ renewFrom: certificate });
    server.rotate(next);
    const renewal = await registry.renew('a');
    expect(renewal).toMatchObject({ changed: true, sameKey: true });
    expect(renewal.server).toMatchObject({
      fingerprint: next.fingerprint,
      previousFingerprint: certificate.fingerprint,
      kind: 'key',
    });
    expect((await slow).content).toEqual([{ type: 'text', text: 'done' }]);
    expect(await registry.renew('a')).toMatchObject({ changed: false, sameKey: true });
  });

  it('by a new key needs approval: old and new side by side, and the old trust holds until then', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, { ...approved(), pin: 'key', approvedBy: 'ops' });
    const client = await connect(await registry.streamableHttpClient('a'));
    const next = await heldCertificate();
    server.rotate(next, { dropConnections: true });
    // The first may still meet a connection that the server has just closed.
    await expect.poll(() => codeOf(client.ping())).toBe('MCP_TLS_PIN_MISMATCH');
    const error = (await failure(registry.renew('a'))) as ApprovalRequiredError;
    expect(error.code).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect(error.current?.fingerprint).toBe(certificate.fingerprint);
    expect(error.peer.description.fingerprint).toBe(next.fingerprint);
    expect(error.sameKey).toBe(false);
    expect(error.message).toContain(certificate.fingerprint);
    // What is there now is not the first use.
    for (const unset of [{ expectFingerprint: undefined }, { approve: undefined }]) {
      const approval = { trustOnFirstUse: true, ...unset } as never;
      expect(await codeOf(registry.renew('a', approval))).toBe('MCP_TLS_INVALID_ARGUMENT');
    }
    expect(await codeOf(registry.renew('a', { trustOnFirstUse: true }))).toBe(
      'MCP_TLS_APPROVAL_REQUIRED',
    );
    const wrong = { expectFingerprint: certificate.fingerprint };
    expect(await codeOf(registry.renew('a', wrong))).toBe('MCP_TLS_FINGERPRINT_MISMATCH');
    const renewal = await registry.renew('a', { expectFingerprint: next.fingerprint });
    expect(renewal).toMatchObject({ changed: true, sameKey: false, server: { kind: 'key' } });
    // The transport that was there before goes on under the new trust.
    expect(await client.ping()).toEqual({});
  });

  it('that was announced by a backup pin needs none', async () => {
    const [server, registry, next] = [await serve(), open(), await heldCertificate()];
    await registry.register('a', server.mcpUrl, { ...approved(), pin: 'key' });
    await registry.update('a', { pins: [certificate.spkiPin, next.spkiPin] });
    const client = await connect(await registry.streamableHttpClient('a'));
    server.rotate(next, { dropConnections: true });
    expect(await client.ping()).toEqual({});
    expect(await registry.renew('a')).toMatchObject({ changed: true, sameKey: false });
    // Pins that the server does not have are not stored.
    expect(await codeOf(registry.update('a', { pins: [certificate.spkiPin] }))).toBe(
      'MCP_TLS_PIN_MISMATCH',
    );
    expect(await client.ping()).toEqual({});
  });

  it('by revocation ends what runs, at once, and refuses what comes', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const client = await connect(await registry.streamableHttpClient('a'));
    const fetch = (await registry.clientFactory('a'))();
    server.stall('headers');
    const running = failure(fetch(server.url));
    await expect.poll(() => server.records.requests.length).toBeGreaterThan(3);
    expect(await registry.revoke('a')).toBe(true);
    expect(String(await running)).toContain('revoked');
    await expect.poll(() => server.openConnections).toBe(0);
    const before = server.records.connections;
    expect(await codeOf(fetch(server.url))).toBe('MCP_TLS_NOT_REGISTERED');
    expect(await codeOf(client.ping())).toBe('MCP_TLS_NOT_REGISTERED');
    expect(await codeOf(registry.sseClient('a'))).toBe('MCP_TLS_NOT_REGISTERED');
    expect(server.records.connections).toBe(before);
    expect(await registry.revoke('a')).toBe(false);
  });

  it('to another origin ends the transports of the old one', async () => {
    const [server, second, registry] = [await serve(), await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const client = await connect(await registry.streamableHttpClient('a'));
    await registry.update('a', { url: second.mcpUrl, approvedBy: 'ops' });
    expect(await codeOf(client.ping())).toBe('MCP_TLS_CLOSED');
    expect(await echo(await connect(await registry.streamableHttpClient('a')))).toBe('hello');
    const stranger = await serve({ certificate: await heldCertificate() });
    expect(await codeOf(registry.update('a', { url: stranger.mcpUrl }))).toBe(
      'MCP_TLS_SELF_SIGNED',
    );
  });

  it('ends with the time that it was approved for', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const client = await connect(await registry.streamableHttpClient('a'));
    await registry.update('a', { expiresAt: new Date(Date.now() + 300) });
    expect(await client.ping()).toEqual({});
    await expect.poll(() => codeOf(client.ping())).toBe('MCP_TLS_STORE_EXPIRED');
    expect(await registry.list()).toMatchObject([
      { id: 'a', error: { code: 'MCP_TLS_STORE_EXPIRED' } },
    ]);
    await registry.register('a', server.mcpUrl, { ...approved(), replace: true });
    expect(await client.ping()).toEqual({});
  });

  it('in one registry is seen by another over the same store', async () => {
    const server = await serve();
    const store = memoryStore();
    const [one, two] = [open({ store }), open({ store })];
    await one.register('a', server.mcpUrl, approved());
    const client = await connect(await two.streamableHttpClient('a'));
    expect(await echo(client)).toBe('hello');
    await one.revoke('a');
    await expect.poll(() => server.openConnections).toBe(0);
    expect(await codeOf(client.ping())).toBe('MCP_TLS_NOT_REGISTERED');
  });

  it('is seen through a directory by another process, and survives a restart', async () => {
    const path = await mkdtemp(join(tmpdir(), 'registry-'));
    cleanups.push(() => rm(path, { recursive: true }));
    const server = await serve();
    const openStore = () => {
      const store = createCertificateStore({
        keys: [key],
        storage: directoryStorage(path, { watch: false }),
        whenEmpty: 'create',
        cache: { ttlMs: 50 },
      });
      cleanups.push(() => store.close());
      return store;
    };
    await open({ store: openStore() }).register('a', server.mcpUrl, approved());
    const [one, two] = [open({ store: openStore() }), open({ store: openStore() })];
    const client = await connect(await two.sseClient('a', { endpoint: '/sse' }));
    expect(await echo(client)).toBe('hello');
    await one.revoke('a');
    await expect.poll(() => codeOf(client.ping())).toBe('MCP_TLS_NOT_REGISTERED');
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('is not undone by an answer of the store that was on its way before it', async () => {
    const { trust: _, ...inner } = memoryStore();
    const server = await serve();
    let release: (() => void) | undefined;
    let hold = false;
    const store: CertificateStore = {
      ...inner,
      async get(id) {
        const record = await inner.get(id);
        if (hold) {
          hold = false;
          await new Promise<void>((resolve) => {
            release = resolve;
          });
        }
        return record;
      },
    };
    const registry = open({ store });
    await registry.register('a', server.mcpUrl, approved());
    const client = (await registry.clientFactory('a'))();
    server.clearRecords();
    hold = true;
    const late = codeOf(client(server.url));
    await expect.poll(() => release !== undefined).toBe(true);
    await registry.revoke('a');
    release?.();
    expect(await late).toBe('MCP_TLS_NOT_REGISTERED');
    expect(server.records.connections).toBe(0);
  });

  it('by revocation ends also what began while the record was being deleted', async () => {
    const { onChange: _, ...inner } = memoryStore();
    let release: (() => void) | undefined;
    const store: CertificateStore = {
      ...inner,
      async delete(id) {
        await new Promise<void>((resolve) => {
          release = resolve;
        });
        return inner.delete(id);
      },
    };
    const [server, registry] = [await serve(), open({ store })];
    await registry.register('a', server.mcpUrl, approved());
    const client = (await registry.clientFactory('a'))();
    server.stall('headers');
    const before = failure(client(server.url));
    await expect.poll(() => server.records.requests.length).toBe(1);
    const revoked = registry.revoke('a');
    // What ran is ended before a slow store has answered.
    expect(String(await before)).toContain('revoked');
    await expect.poll(() => release !== undefined).toBe(true);
    const running = failure(client(server.url));
    await expect.poll(() => server.records.requests.length).toBe(2);
    release?.();
    expect(await revoked).toBe(true);
    expect(String(await running)).toContain('revoked');
  });

  it('holds over a store of the host application that announces nothing', async () => {
    const records = new Map<string, Awaited<ReturnType<CertificateStore['get']>>>();
    const store: CertificateStore = {
      get: async (id) => records.get(id),
      read: async (id) => ({ record: records.get(id), revision: 1, expired: false }),
      set: async (id, record) => records.set(id, record) && 1,
      delete: async (id) => records.delete(id),
      list: async () => [...records.keys()].map((id) => ({ id, revision: 1 })),
      close: async () => {},
    };
    const [server, registry] = [await serve(), open({ store })];
    await registry.register('a', server.mcpUrl, approved());
    const client = await connect(await registry.streamableHttpClient('a'));
    records.delete('a');
    expect(await codeOf(client.ping())).toBe('MCP_TLS_NOT_REGISTERED');
    await expect.poll(() => server.openConnections).toBe(0);
  });
});

it('a refused certificate hints at renew, and not at a policy', async () => {
  const [server, registry] = [await serve(), open()];
  await registry.register('a"b', server.mcpUrl, approved());
  server.rotate(await heldCertificate(), { dropConnections: true });
  const error = await failure((await registry.clientFactory('a"b'))()(server.mcpUrl));
  const refusal = explainTlsError(error) as TlsTrustError;
  expect(refusal).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', host: '127.0.0.1' });
  expect(refusal.hint).toContain(String.raw`registry.renew("a\"b")`);
  expect(refusal.presented).toBeDefined();
});

it('options of a transport or client may be of a class: what its accessors give counts, and is checked', async () => {
  const [server, registry] = [await serve({ requireBearer: 'secret' }), open()];
  await registry.register('a', server.mcpUrl, approved());
  class Options {
    get auth(): string {
      return 'secret';
    }
  }
  class Misspelt extends Options {
    get maxBodyByte(): number {
      return 1;
    }
  }
  for (const make of ['streamableHttpClient', 'sseClient'] as const) {
    for (const wrong of [new Misspelt(), null, 'text', Object.create({ trust: null })]) {
      expect(await codeOf(registry[make]('a', wrong as never))).toBe('MCP_TLS_INVALID_ARGUMENT');
    }
  }
  expect(await echo(await connect(await registry.streamableHttpClient('a', new Options())))).toBe(
    'hello',
  );
  const makeClient = await registry.clientFactory('a');
  expect(() => makeClient(new Misspelt() as never)).toThrow("'maxBodyByte'");
  const response = await makeClient(new Options() as never)(server.mcpUrl, { method: 'DELETE' });
  expect(response.status).not.toBe(401);
});
