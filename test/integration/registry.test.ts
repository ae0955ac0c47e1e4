import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ApprovalRequiredError, type RegisterOptions, StoreError } from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import {
  approved,
  certificate,
  cleanups,
  codeOf,
  connect,
  echo,
  failure,
  memoryStore,
  open,
  serve,
} from './registry-setup.js';

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
  it('gives one server, and rejects when there is none', async () => {
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
