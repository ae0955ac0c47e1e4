import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ApprovalRequiredError,
  type CertificateStore,
  createCertificateStore,
  directoryStorage,
  explainTlsError,
  type RegisterOptions,
  StoreError,
  type TlsTrustError,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type McpServerOptions,
  type McpTestServer,
  startMcpServer,
} from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';
import { registryParts } from '../support/registry-parts.js';

/** The registry over real servers and real stores. */

const { cleanups, key, memoryStore, open } = registryParts();
let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});

async function serve(options: Partial<McpServerOptions> = {}): Promise<McpTestServer> {
  const server = await startMcpServer({ certificate, transport: 'both', ...options });
  cleanups.push(() => server.close());
  return server;
}

async function connect(transport: Transport): Promise<Client> {
  const client = new Client({ name: 'registry-test', version: '1' });
  cleanups.push(() => client.close());
  await client.connect(transport);
  return client;
}

async function echo(client: Client, text = 'hello'): Promise<unknown> {
  const { content } = await client.callTool({ name: 'echo', arguments: { text } });
  return (content as { text: string }[])[0]?.text;
}

async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  return 'no error';
}

const codeOf = async (promise: Promise<unknown>) => {
  const error = await failure(promise);
  return explainTlsError(error)?.code ?? error;
};

const approved = (): RegisterOptions => ({ expectFingerprint: certificate.fingerprint });

describe('register', () => {
  it('refuses without approval, with everything to show in the error, and stores nothing', async () => {
    const [server, registry] = [await serve(), open()];
    const error = await failure(registry.register('a', server.mcpUrl));
    expect(error).toBeInstanceOf(ApprovalRequiredError);
    const { code, peer, current } = error as ApprovalRequiredError;
    expect(code).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect(peer.description.fingerprint).toBe(certificate.fingerprint);
    expect(peer.problems.map((problem) => problem.code)).toEqual(['self-signed']);
    expect([peer.host, peer.port, current]).toEqual(['127.0.0.1', server.port, undefined]);
    expect(JSON.stringify(error)).not.toContain('BEGIN');
    expect(await registry.list()).toEqual([]);
    expect(server.records.applicationBytes).toBe(0);
  });

  it.each<[string, () => RegisterOptions, string]>([
    ['the fingerprint', approved, 'certificate'],
    ['a pin of the key', () => ({ expectFingerprint: certificate.spkiPin }), 'certificate'],
    [
      'a callback',
      () => ({ approve: ({ description }) => description.isCa === false }),
      'certificate',
    ],
    ['trust on first use', () => ({ trustOnFirstUse: true }), 'certificate'],
    ['its key', () => ({ ...approved(), pin: 'key' }), 'key'],
  ])('works with %s', async (_what, options, trust) => {
    const [server, registry] = [await serve(), open()];
    const known = await registry.register('a', server.mcpUrl, { ...options(), approvedBy: 'ops' });
    expect(known).toMatchObject({
      id: 'a',
      url: server.mcpUrl,
      kind: trust,
      fingerprint: certificate.fingerprint,
      isSelfSigned: true,
      daysLeft: 29,
      approvedBy: 'ops',
    });
    expect(await echo(await connect(await registry.streamableHttpClient('a')))).toBe('hello');
    expect(await registry.list()).toEqual([known]);
  });

  it('asks the approval of the whole registry where the call brings none', async () => {
    const server = await serve();
    const asked: string[] = [];
    const registry = open({
      approve: (peer, { id }) => {
        asked.push(`${id} ${peer.description.fingerprint}`);
        return true;
      },
    });
    await registry.register('a', server.mcpUrl);
    expect(asked).toEqual([`a ${certificate.fingerprint}`]);
  });

  it.each([
    [
      'another fingerprint',
      { expectFingerprint: `SHA256:${'0'.repeat(64)}` },
      'MCP_TLS_FINGERPRINT_MISMATCH',
    ],
    ['a callback that says no', { approve: () => false }, 'MCP_TLS_APPROVAL_REQUIRED'],
    [
      'a callback that forgets to answer',
      { approve: (() => undefined) as never },
      'MCP_TLS_APPROVAL_REQUIRED',
    ],
    ['two approvals', { trustOnFirstUse: true, approve: () => true }, 'MCP_TLS_INVALID_ARGUMENT'],
    [
      'an unset fingerprint beside trust on first use',
      { trustOnFirstUse: true, expectFingerprint: undefined } as never,
      'MCP_TLS_INVALID_ARGUMENT',
    ],
    [
      'an unset callback beside trust on first use',
      { trustOnFirstUse: true, approve: undefined } as never,
      'MCP_TLS_INVALID_ARGUMENT',
    ],
    ['an unknown option', { trustAll: true } as never, 'MCP_TLS_INVALID_ARGUMENT'],
    ['trust that is none', { pin: 'anything' as never }, 'MCP_TLS_INVALID_ARGUMENT'],
  ] as [string, RegisterOptions, string][])('refuses %s', async (_what, options, code) => {
    const [server, registry] = [await serve(), open()];
    expect(await codeOf(registry.register('a', server.mcpUrl, options))).toBe(code);
    expect(await registry.list()).toEqual([]);
  });

  it('does not put one server in the place of another unless told to', async () => {
    const other = await heldCertificate();
    const [server, second, registry] = [await serve(), await serve({ certificate: other }), open()];
    await registry.register('a', server.mcpUrl, approved());
    const anew: RegisterOptions = { expectFingerprint: other.fingerprint };
    expect(await codeOf(registry.register('a', second.mcpUrl, anew))).toBe(
      'MCP_TLS_ALREADY_REGISTERED',
    );
    const known = await registry.register('a', second.mcpUrl, { ...anew, replace: true });
    expect(known.previousFingerprint).toBe(certificate.fingerprint);
    // A certificate that takes the place of another is no first use.
    const tofu: RegisterOptions = { trustOnFirstUse: true, replace: true };
    expect(await codeOf(registry.register('a', server.mcpUrl, tofu))).toBe(
      'MCP_TLS_APPROVAL_REQUIRED',
    );
  });

  it('registers an id once, however many try at a time', async () => {
    const [server, registry] = [await serve(), open()];
    const tries = [1, 2, 3].map(() => codeOf(registry.register('a', server.mcpUrl, approved())));
    expect((await Promise.all(tries)).sort()).toEqual([
      'MCP_TLS_ALREADY_REGISTERED',
      'MCP_TLS_ALREADY_REGISTERED',
      'no error',
    ]);
  });

  it('takes a private authority, under which certificates may change', async () => {
    const ca = await heldCertificate({ isCa: true });
    const server = await serve({ certificate: await heldCertificate({ signedBy: ca }) });
    const registry = open();
    const known = await registry.register('a', server.mcpUrl, { trust: { ca: ca.pem } });
    expect(known.kind).toBe('authority');
    server.rotate(await heldCertificate({ signedBy: ca }), { dropConnections: true });
    expect(await echo(await connect(await registry.streamableHttpClient('a')))).toBe('hello');
    expect(await registry.renew('a')).toMatchObject({ changed: false });
    server.rotate(await heldCertificate(), { dropConnections: true });
    expect(await codeOf(registry.renew('a'))).toBe('MCP_TLS_APPROVAL_REQUIRED');
  });

  it('never stores a trust that does not hold: an authority of other servers', async () => {
    const [server, registry, ca] = [await serve(), open(), await heldCertificate({ isCa: true })];
    const wrong: RegisterOptions = { trust: { ca: ca.pem } };
    expect(await codeOf(registry.register('a', server.mcpUrl, wrong))).toBe('MCP_TLS_SELF_SIGNED');
    expect(await registry.list()).toEqual([]);
    expect(server.records.applicationBytes).toBe(0);
  });

  it('takes servers with a wrong name, and expired ones, by exactly their certificate', async () => {
    const registry = open();
    const past = new Date(Date.now() - 3_600_000);
    for (const options of [
      { dns: ['other.example'] },
      { san: 'none' },
      { notAfter: past },
    ] as const) {
      const held = await heldCertificate(options);
      const server = await serve({ certificate: held });
      const id = JSON.stringify(options);
      const known = await registry.register(id, server.mcpUrl, {
        expectFingerprint: held.fingerprint,
      });
      expect(known.kind).toBe('certificate');
      expect(await echo(await connect(await registry.streamableHttpClient(id)))).toBe('hello');
      // The same key in another certificate is another certificate.
      server.rotate(await heldCertificate({ renewFrom: held }), { dropConnections: true });
      expect(await codeOf(registry.renew(id))).toBe('MCP_TLS_APPROVAL_REQUIRED');
    }
  });

  it('tries the client certificate too, before it is stored', async () => {
    const mine = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const [server, registry] = [await serve(), open()];
    server.requireClientCertificate(mine);
    expect(await codeOf(registry.register('a', server.mcpUrl, approved()))).toBe(
      'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED',
    );
    expect(await registry.list()).toEqual([]);
    const clientCertificate = { cert: mine.pem, key: mine.keyPem };
    await registry.register('a', server.mcpUrl, { ...approved(), clientCertificate });
    expect(await echo(await connect(await registry.streamableHttpClient('a')))).toBe('hello');
  });

  it('shows of a client certificate who it says we are, who issued it and when it ends, and no key', async () => {
    const clientCa = await heldCertificate({ isCa: true, commonName: 'Clients CA' });
    const notAfter = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3.5 * 86_400_000);
    const mine = await heldCertificate({
      ...{ signedBy: clientCa, commonName: 'billing', notAfter },
      extendedKeyUsages: ['clientAuth'],
    });
    const [server, registry] = [await serve(), open()];
    server.requireClientCertificate(clientCa);
    const clientCertificate = { cert: mine.pem, key: mine.keyPem };
    const shown = {
      subject: expect.stringContaining('CN=billing'),
      issuer: expect.stringContaining('CN=Clients CA'),
      fingerprint: mine.fingerprint,
      notBefore: expect.any(Date),
      notAfter,
      daysLeft: 3,
    };
    const found = [
      await registry.register('a', server.mcpUrl, { ...approved(), clientCertificate }),
      await registry.get('a'),
      (await registry.list())[0],
      await registry.check('a'),
    ];
    for (const one of found) {
      expect(one).toMatchObject({ clientCertificate: shown });
      expect(JSON.stringify(one)).not.toMatch(/PRIVATE|BEGIN/);
    }
    await registry.update('a', { labels: { team: 'x' } });
    expect((await registry.get('a')).clientCertificate).toMatchObject({ daysLeft: 3 });
  });

  it('takes a publicly trusted server without approval and without a pin, or by its key if asked', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'registry-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const ca = await heldCertificate({ isCa: true });
    const servers = [
      await serve({ certificate: await heldCertificate({ signedBy: ca }) }),
      await serve({ certificate: await heldCertificate({ signedBy: ca }) }),
    ];
    const file = join(directory, 'ca.pem');
    await writeFile(file, ca.pem);
    const script = fileURLToPath(new URL('../support/register.ts', import.meta.url));
    const args = ['--import', 'tsx', script, ...servers.map(({ url }) => `${url}/`)];
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: file };
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toEqual({
      registered: 'roots',
      pinned: 'key',
      asked: 404,
      moved: true,
      // Under the roots, no certificate is on record that could change.
      renewed: false,
      askedAgain: 404,
      pinnedMoved: 'MCP_TLS_PIN_MISMATCH',
    });
  });

  it.each(['../../etc/passwd', 'ä/ö ü:💥', '*', '__proto__', ' ', 'a'.repeat(128)])(
    'takes the id %j',
    async (id) => {
      const [server, registry] = [await serve(), open()];
      await registry.register(id, server.mcpUrl, approved());
      expect((await registry.list()).map((entry) => entry.id)).toEqual([id]);
      expect(await echo(await connect(await registry.streamableHttpClient(id)))).toBe('hello');
      expect(await registry.revoke(id)).toBe(true);
    },
  );
});

describe('get', () => {
  it('gives one server, and tells when there is none', async () => {
    const [server, registry] = [await serve(), open()];
    const options = { ...approved(), pin: 'key', serverName: 'localhost' } as const;
    const known = await registry.register('a', server.mcpUrl, options);
    expect(await registry.get('a')).toEqual(known);
    expect(known).toMatchObject({ serverName: 'localhost', pins: [certificate.spkiPin] });
    expect(await codeOf(registry.get('b'))).toBe('MCP_TLS_NOT_REGISTERED');
    const peer = await registry.inspect(server.mcpUrl, { serverName: 'other.example' });
    expect(peer.problems.map(({ code }) => code)).toContain('name-mismatch');
  });
});

describe('list', () => {
  it('goes by pages, in the order of ids, and leaves out none', async () => {
    const [server, registry] = [await serve(), open()];
    const ids = ['c', 'a', 'e', 'b', 'd'];
    for (const id of ids) await registry.register(id, server.mcpUrl, approved());
    const pageAfter = async (after?: string) =>
      (await registry.list({ limit: 2, after })).map(({ id }) => id);
    expect(await pageAfter()).toEqual(['a', 'b']);
    expect(await pageAfter('b')).toEqual(['c', 'd']);
    expect(await pageAfter('d')).toEqual(['e']);
    expect(await pageAfter('e')).toEqual([]);
    expect((await registry.list()).map(({ id }) => id)).toEqual([...ids].sort());
    for (const wrong of [{ limit: 0 }, { limit: 1.5 }, { after: 3 }, { page: 1 }]) {
      expect(await codeOf(registry.list(wrong as object))).toBe('MCP_TLS_INVALID_ARGUMENT');
    }
  });
});

describe('connections', () => {
  it('go over both transports, through one pool', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const http = await connect(await registry.streamableHttpClient('a'));
    const sse = await connect(await registry.sseClient('a', { endpoint: '/sse' }));
    expect([await echo(http), await echo(sse)]).toEqual(['hello', 'hello']);
    const fetch = (await registry.clientFactory('a'))();
    expect((await fetch(`${server.url}/nothing`)).status).toBe(404);
  });

  it('are of registered servers only, and of their origin', async () => {
    const [server, registry] = [await serve(), open()];
    expect(await codeOf(registry.clientFactory('a'))).toBe('MCP_TLS_NOT_REGISTERED');
    expect(await codeOf(registry.streamableHttpClient('a'))).toBe('MCP_TLS_NOT_REGISTERED');
    await registry.register('a', server.mcpUrl, approved());
    const factory = await registry.clientFactory('a');
    expect(() => factory({ url: 'https://127.0.0.1:1' })).toThrow('origin');
    expect(await codeOf(registry.sseClient('a', { endpoint: 'https://evil.example/' }))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
    expect(await codeOf(registry.sseClient('a', { trust: 'x' } as never))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
    // The trust of one server is not that of another.
    const other = await serve();
    expect(await codeOf(factory()(other.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
  });

  it('end when idle, and begin again when they are used', async () => {
    const [server, registry] = [await serve(), open({ idleMs: 60 })];
    await registry.register('a', server.mcpUrl, approved());
    const client = (await registry.clientFactory('a'))();
    await (await client(server.url)).text();
    expect(server.openConnections).toBe(1);
    await expect.poll(() => server.openConnections).toBe(0);
    expect((await client(server.url)).status).toBe(404);
    // A transport is in use until it is closed, however quiet.
    const quiet = await connect(await registry.sseClient('a', { endpoint: '/sse' }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(await echo(quiet)).toBe('hello');
    await quiet.close();
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('are bounded: the least recently used server goes first, one in use last', async () => {
    const registry = open({ maxPools: 2 });
    const servers = await Promise.all([1, 2, 3].map(() => serve()));
    const clients = [];
    for (const [i, server] of servers.entries()) {
      await registry.register(`${i}`, server.mcpUrl, approved());
      clients.push((await registry.clientFactory(`${i}`))());
    }
    // Over SSE, whose session ends with its stream.
    const busy = await connect(await registry.sseClient('0', { endpoint: '/sse' }));
    await (await clients[1]?.(servers[1]?.url ?? ''))?.text();
    await (await clients[2]?.(servers[2]?.url ?? ''))?.text();
    await expect.poll(() => servers.map((s) => Math.min(1, s.openConnections))).toEqual([1, 0, 1]);
    expect(await echo(busy)).toBe('hello');
  });
});

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

  it('holds over a store of the host application, which tells nobody', async () => {
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

it('lists a record that a store of the application cannot read, with an error of ours', async () => {
  const [server, store] = [await serve(), memoryStore()];
  const { get, read, set, delete: remove, list } = store;
  const failing = new Error('the database is away');
  const fails = (id: string) => id === 'b';
  const registry = open({
    store: {
      get: async (id) => (fails(id) ? Promise.reject(failing) : get(id)),
      ...{ read, set, delete: remove, list, close: async () => {} },
    },
  });
  for (const id of ['a', 'b']) await store.set(id, { url: server.mcpUrl, trust: certificate.pem });
  const [a, b] = await registry.list();
  expect(a).toMatchObject({ id: 'a', url: server.mcpUrl });
  expect(b).toMatchObject({
    id: 'b',
    error: { code: 'MCP_TLS_STORE_UNAVAILABLE', id: 'b', retryable: true, cause: failing },
  });
  expect(b?.error instanceof StoreError).toBe(true);
});

describe('check', () => {
  it.each(['streamable-http', 'sse'] as const)('finds %s', async (transport) => {
    const [server, registry] = [await serve({ transport: 'both' }), open()];
    await registry.register('a', server.mcpUrl, approved());
    const endpoint = transport === 'sse' ? '/sse' : undefined;
    expect(await registry.check('a', { endpoint })).toMatchObject({
      ok: true,
      reachable: true,
      trusted: true,
      mcp: transport,
      daysLeft: 29,
      error: undefined,
    });
    await expect.poll(() => server.sessionIds).toEqual([]);
  });

  it('tells apart what is wrong', async () => {
    const [server, registry] = [await serve({ requireBearer: 'secret' }), open()];
    await registry.register('a', server.mcpUrl, approved());
    expect(await registry.check('a')).toMatchObject({
      ok: false,
      reachable: true,
      trusted: true,
      mcp: 'unauthorized',
      code: undefined,
      error: { message: expect.stringContaining('wants authorization (401)') },
    });
    expect(await registry.check('a', { auth: 'wrong' })).toMatchObject({ mcp: 'unauthorized' });
    expect(await registry.check('a', { auth: 'secret' })).toMatchObject({
      ...{ ok: true, mcp: 'streamable-http', error: undefined },
    });
    server.stall('headers');
    expect(await registry.check('a', { timeoutMs: 300 })).toMatchObject({
      ok: false,
      reachable: true,
      trusted: true,
    });
    server.recover();
    server.rotate(await heldCertificate(), { dropConnections: true });
    expect(await registry.check('a')).toMatchObject({
      reachable: true,
      trusted: false,
      code: 'MCP_TLS_SELF_SIGNED',
    });
    await server.close();
    expect(await registry.check('a')).toMatchObject({
      reachable: false,
      trusted: false,
      code: 'MCP_TLS_UNREACHABLE',
      daysLeft: undefined,
    });
    expect(await codeOf(registry.check('b'))).toBe('MCP_TLS_NOT_REGISTERED');
  });

  it.each([
    ['a handshake that stalls', 'handshake', false],
    ['headers that do not come', 'headers', true],
  ] as const)('ends within timeoutMs, whatever is waited for: %s', async (_, at, trusted) => {
    const [server, registry] = [await serve(), open({ timeout: { connectMs: 5_000 } })];
    await registry.register('a', server.mcpUrl, approved());
    server.stall(at);
    const before = performance.now();
    const checked = await registry.check('a', { timeoutMs: 400 });
    const took = performance.now() - before;
    // The handshake alone may take five seconds.
    expect(took).toBeLessThan(4_000);
    expect(checked).toMatchObject({
      ...{ ok: false, trusted, reachable: trusted, code: 'MCP_TLS_TIMEOUT' },
      error: { message: expect.stringContaining('within 400 ms') },
    });
    expect(checked.durationMs).toBeGreaterThan(took / 2);
    expect(checked.durationMs).toBeLessThanOrEqual(Math.ceil(took));
  });

  it.each<[what: string, post: number, get: number, seen: object]>([
    ['401 to streamable HTTP', 401, 200, { mcp: 'unauthorized' }],
    ['405, and 401 to SSE', 405, 401, { mcp: 'unauthorized' }],
    ['400, and 405 to SSE', 400, 405, { mcp: undefined, error: { status: 400 } }],
    ['404, and a page to SSE', 404, 200, { mcp: undefined, error: { status: 404 } }],
    ['403, and 404 to SSE', 403, 404, { mcp: undefined, error: { status: 403 } }],
    ['500', 500, 401, { mcp: undefined, error: { status: 500 } }],
  ])('keeps the first, telling answer, and tells 401 apart: %s', async (_, post, get, seen) => {
    const { pem: cert, keyPem } = certificate;
    const server = createServer({ cert, key: keyPem }, ({ method }, response) => {
      const headers = { 'content-type': 'text/html' };
      response.writeHead(method === 'POST' ? post : get, headers).end('what it says');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const registry = open();
    await registry.register('a', `https://127.0.0.1:${port}/mcp`, approved());
    const checked = await registry.check('a', { timeoutMs: 30_000 });
    expect(checked).toMatchObject({ ok: false, reachable: true, trusted: true, code: undefined });
    expect(checked).toMatchObject(seen);
    expect(checked.durationMs).toBeLessThan(20_000);
  });

  it('divides timeoutMs among both transports and the inspection', async () => {
    const { pem: cert, keyPem } = certificate;
    const server = createServer({ cert, key: keyPem }, ({ method }, response) => {
      // Of the older transport, whose stream it never opens.
      if (method === 'POST') setTimeout(() => response.writeHead(405).end(), 300);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const registry = open();
    await registry.register('a', `https://127.0.0.1:${port}/mcp`, approved());
    using lag = new Lag();
    const checked = await registry.check('a', { timeoutMs: 500 });
    expect(lag.elapsedMs).toBeLessThan(950);
    expect(checked).toMatchObject({ ok: false, trusted: true, code: 'MCP_TLS_TIMEOUT' });
    expect(checked.durationMs).toBeGreaterThan(450);
  });

  it('does not take silence for trust', async () => {
    const [server, registry] = [await serve(), open({ timeout: { connectMs: 400 } })];
    await registry.register('a', server.mcpUrl, approved());
    server.stall('handshake');
    expect(await registry.check('a', { timeoutMs: 100 })).toMatchObject({
      ok: false,
      reachable: false,
      trusted: false,
      code: 'MCP_TLS_TIMEOUT',
    });
  });
});

describe('allowAddress', () => {
  it('refuses addresses before a probe, and a name whose address changes before a connection', async () => {
    const server = await serve();
    let address = '127.0.0.1';
    let lookups = 0;
    const asked: string[] = [];
    const registry = open({
      lookup: (_host, options, callback) => {
        lookups++;
        if (options.all) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
      allowAddress: (one, { host, port }) => {
        asked.push(`${one} ${host} ${port === server.port}`);
        return one === '127.0.0.1';
      },
    });
    const url = server.urlFor('localhost', '/mcp');
    await registry.register('a', url, approved());
    // One handshake, with one look-up, and the hook is asked about what it gave.
    expect(lookups).toBe(1);
    expect(asked).toEqual(['127.0.0.1 localhost true']);
    const client = (await registry.clientFactory('a'))();
    await (await client(url)).text();
    server.dropConnections();
    address = '127.0.0.2';
    const before = server.records.connections;
    await expect.poll(() => codeOf(client(url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.inspect(url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.register('b', url, approved()))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(server.records.connections).toBe(before);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['[::1]', '::1'],
    ['localhost', '127.0.0.1'],
  ])('is asked about the address in https://%s too', async (host, address) => {
    const server = await serve();
    const asked: string[] = [];
    const registry = open({
      lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
      // One that forgets to answer has not allowed it.
      allowAddress: ((one: string) => {
        asked.push(one);
      }) as never,
    });
    expect(await codeOf(registry.inspect(`https://${host}:${server.port}/`))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
    expect(asked).toEqual([address]);
    expect(server.records.connections).toBe(0);
  });

  it('leaves of several addresses only the allowed ones', async () => {
    const server = await serve();
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    let allowed = '127.0.0.1';
    const registry = open({
      lookup: (_host, _options, callback) => callback(null, addresses),
      allowAddress: (one) => one === allowed,
    });
    const url = server.urlFor('localhost');
    expect((await registry.inspect(url)).description.fingerprint).toBe(certificate.fingerprint);
    // Nothing listens there, and the server that does is not allowed.
    allowed = '127.0.0.2';
    server.clearRecords();
    expect(await codeOf(registry.inspect(url))).toBe('MCP_TLS_UNREACHABLE');
    expect(server.records.connections).toBe(0);
  });

  it('holds for other origins that a client is sent to, and refuses when it throws', async () => {
    const server = await serve();
    let broken = false;
    const registry = open({
      allowAddress: (_one, { port }) => {
        if (broken) throw new Error('no list');
        return port === server.port;
      },
    });
    await registry.register('a', server.mcpUrl, approved());
    const client = (await registry.clientFactory('a'))();
    const metadata = await serve();
    expect(await codeOf(client(metadata.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(client(metadata.urlFor('localhost')))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(metadata.records.connections).toBe(0);
    // Nor does a change of the URL lead there.
    const moved = registry.update('a', { url: metadata.url });
    expect(await codeOf(moved)).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(metadata.records.connections).toBe(0);
    broken = true;
    expect(await codeOf(registry.inspect(server.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.inspect(server.urlFor('localhost')))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
  });

  it('excludes a proxy, which looks names up itself', () => {
    const options = { allowAddress: () => true, proxy: 'http://127.0.0.1:1' };
    expect(() => open(options)).toThrow('cannot be combined');
    expect(() => open({ allowAddress: undefined } as object)).toThrow('leave it out');
  });
});

describe('certificateFile', () => {
  it('holds the certificate and never a key, for this user only, until it is closed', async () => {
    const mine = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const [server, registry] = [await serve(), open()];
    const clientCertificate = { cert: mine.pem, key: mine.keyPem };
    await registry.register('../a', server.mcpUrl, { ...approved(), clientCertificate });
    const file = await registry.certificateFile('../a');
    expect(await readFile(file.path, 'utf8')).toBe(certificate.pem);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(file.path))).mode & 0o777).toBe(0o700);
    await file.close();
    await expect(stat(dirname(file.path))).rejects.toThrow('ENOENT');
    const second = await registry.certificateFile('../a');
    await registry.revoke('../a');
    await expect(stat(second.path)).rejects.toThrow('ENOENT');
  });

  it('is gone after close, and leaves no listener', async () => {
    const before = process.listenerCount('exit');
    const directory = await mkdtemp(join(tmpdir(), 'registry-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    await registry.certificateFile('a', { directory });
    await registry.certificateFile('a', { directory });
    expect(await readdir(directory)).toHaveLength(2);
    expect(process.listenerCount('exit')).toBe(before + 1);
    await registry.close();
    expect(await readdir(directory)).toEqual([]);
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('says what to do where nothing can be written', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const error = await failure(registry.certificateFile('a', { directory: '/proc/nowhere' }));
    expect(error).toMatchObject({ code: 'MCP_TLS_FILE_REFUSED', id: 'a' });
    expect(String(error)).toContain('options.directory');
  });
});

describe('close', () => {
  it('ends connections and timers; the store goes on', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const [server, store] = [await serve(), memoryStore()];
    const registry = open({ store });
    await registry.register('a', server.mcpUrl, approved());
    const fetch = (await registry.clientFactory('a'))();
    await (await fetch(server.url)).text();
    await registry.close();
    await expect.poll(() => server.openConnections).toBe(0);
    expect(await codeOf(fetch(server.url))).toBe('MCP_TLS_CLOSED');
    expect(await codeOf(registry.clientFactory('a'))).toBe('MCP_TLS_CLOSED');
    expect(await store.get('a')).toBeDefined();
    await expect.poll(timers).toBeLessThanOrEqual(1);
  });
});
