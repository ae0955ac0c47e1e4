import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  type DiagnosticChannel,
  explainTlsError,
  fromFile,
  makeCustomClientFactory,
  onDiagnostic,
  parseTrust,
  type RegisteredServer,
  type RegistryEvent,
  type StoredCertificate,
} from '../../src/index.js';
import {
  createStoredCertificate,
  parseStoredCertificate,
  trustPolicyOf,
} from '../../src/store/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { debianProgram } from '../support/debian-program.js';
import { registryParts } from '../support/registry-parts.js';
import { eventually } from '../support/waiting.js';

/** Records that name files: each process reads its own, and the record holds none of it. */

const { open, memoryStore } = registryParts();
const cleanups: (() => unknown)[] = [];
let [oldCa, newCa, clientCa]: HeldCertificate[] = [];
let [oldLeaf, newLeaf, me, other]: HeldCertificate[] = [];
let folder = '';
let ca = '';

beforeAll(async () => {
  oldCa = await heldCertificate({ isCa: true, commonName: 'old CA' });
  newCa = await heldCertificate({ isCa: true, commonName: 'new CA' });
  clientCa = await heldCertificate({ isCa: true, commonName: 'client CA' });
  oldLeaf = await heldCertificate({ signedBy: oldCa });
  newLeaf = await heldCertificate({ signedBy: newCa });
  me = await heldCertificate({ signedBy: clientCa, commonName: 'me' });
  other = await heldCertificate({ signedBy: clientCa, commonName: 'other' });
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-tls-record-sources-'));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  ca = join(folder, 'ca.crt');
  writeFileSync(ca, pemOf(oldCa));
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const DROP = { dropConnections: true };

const pemOf = (...held: (HeldCertificate | undefined)[]) => held.map((one) => one?.pem).join('');

function write(name: string, text: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** As cert-manager and its like do: whole, and then in place at once. */
function replace(path: string, text: string): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}

async function serve(more: { clientCa?: HeldCertificate } = {}): Promise<TlsServer> {
  const server = await startTlsServer({
    certificate: oldLeaf as HeldCertificate,
    keepAliveMs: 0,
    ...more,
    onRequest: (request, response) => {
      if (request.url?.startsWith('/stream')) {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const timer = setInterval(() => response.write('data: x\n\n'), 20);
        response.once('close', () => clearInterval(timer));
        return;
      }
      // As much of MCP as a check asks for.
      response.setHeader('content-type', 'application/json');
      request.on('data', (body) => {
        const { id } = JSON.parse(String(body));
        const result = {
          protocolVersion: '2025-06-18',
          capabilities: {},
          serverInfo: { name: 'a', version: '1' },
        };
        response.end(JSON.stringify({ jsonrpc: '2.0', id, result }));
      });
      if (request.method === 'GET') response.end('{"ok":true}');
    },
  });
  cleanups.push(() => server.close());
  return server;
}

function heard<Name extends DiagnosticChannel>(channel: Name) {
  const messages: unknown[] = [];
  const listening = onDiagnostic(channel, (message) => void messages.push(message));
  cleanups.push(() => listening[Symbol.dispose]());
  return messages;
}

async function endOf(response: Response): Promise<unknown> {
  try {
    for await (const _ of response.body as ReadableStream<Uint8Array>);
    return 'ended';
  } catch (error) {
    return explainTlsError(error)?.code;
  }
}

const codeOf = (error: unknown) => explainTlsError(error)?.code;

/** What a request of a registered server comes to: a status, or the code of its error. */
async function ask(registry: ReturnType<typeof open>, id = 'a'): Promise<unknown> {
  const client = (await registry.clientFactory(id))();
  try {
    const { url } = await registry.get(id);
    return (await client(url)).status;
  } catch (error) {
    return codeOf(error);
  } finally {
    await client.close();
  }
}

describe('a record that names the file of a CA', () => {
  it('holds its name and nothing of it, and says so in every list', async () => {
    const server = await serve();
    const store = memoryStore();
    const registry = open({ store });
    const trust = { ca: fromFile(ca) };
    const registered = await registry.register('a', server.url, { trust, approvedBy: 'ops' });
    const shown = {
      kind: 'authority',
      sources: [{ field: 'ca', file: ca }],
      sourceError: undefined,
    };
    expect(registered).toMatchObject({ ...shown, fingerprint: oldCa?.fingerprint });
    expect(await registry.get('a')).toMatchObject(shown);
    expect(await registry.list()).toMatchObject([shown]);
    expect(await registry.check('a')).toMatchObject({
      ok: true,
      ...only(shown, 'sources', 'sourceError'),
    });
    const record = await store.get('a');
    expect(record).toMatchObject({ trust: { ca: [{ file: ca }] }, approvedBy: 'ops' });
    expect(JSON.stringify(record)).not.toContain('BEGIN');
    expect(record).not.toHaveProperty('certificate');
  });

  it('trusts what is in the file now, and no longer what was', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    expect(await ask(registry)).toBe(200);
    const changed = heard('mcp-tls:source-changed');
    server.rotate(newLeaf as HeldCertificate, DROP);
    replace(ca, pemOf(newCa));
    await eventually(() => expect(changed).toHaveLength(1));
    expect(await ask(registry)).toBe(200);
    expect(await registry.get('a')).toMatchObject({ fingerprint: newCa?.fingerprint });
    server.rotate(oldLeaf as HeldCertificate, DROP);
    expect(
      await eventually(async () => {
        const code = await ask(registry);
        expect(code).not.toBe(200);
        return code;
      }),
    ).toBe('MCP_TLS_UNKNOWN_ISSUER');
  });

  it('ends streams that rest on what was taken away, and none where something was added', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    const client = (await registry.clientFactory('a'))();
    const stream = await client(`${server.url}/stream`);
    const ended = endOf(stream);
    const changed = heard('mcp-tls:source-changed');
    replace(ca, pemOf(oldCa, newCa));
    await eventually(() => expect(changed).toMatchObject([{ keeps: true }]));
    expect(await Promise.race([ended, new Promise((go) => setTimeout(go, 300, 'open'))])).toBe(
      'open',
    );
    replace(ca, pemOf(newCa));
    expect(await ended).toBe('MCP_TLS_CLOSED');
  });

  it('is read by each process for itself, from the store that both share', async () => {
    const server = await serve();
    const backend = new Map();
    const key = { id: 'k', key: Buffer.alloc(32, 7) };
    const two = [1, 2].map(() => {
      const store = createCertificateStore({ keys: [key], storage: backend, whenEmpty: 'create' });
      const registry = createServerRegistry({ store });
      cleanups.push(
        () => store.close(),
        () => registry.close(),
      );
      return registry;
    });
    const [first, second] = two as [(typeof two)[0], (typeof two)[0]];
    await first.register('a', server.url, { trust: { ca: fromFile(ca) } });
    expect(await ask(second)).toBe(200);
  });

  it('makes no connection while the file is missing, says so everywhere, and goes on when it is back', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    rmSync(ca);
    const { handshakes } = server.records;
    const events: RegistryEvent[] = [];
    const watch = registry.watch({ intervalMs: 100, pollMs: 100 });
    watch.on('refused', (event) => events.push(event));
    expect(await ask(registry)).toBe('MCP_TLS_SOURCE_UNUSABLE');
    const problem = { code: 'MCP_TLS_SOURCE_UNUSABLE', message: expect.stringContaining('ENOENT') };
    expect(await registry.get('a')).toMatchObject({ kind: 'authority', sourceError: problem });
    expect(await registry.list()).toMatchObject([
      { sources: [{ file: ca }], sourceError: problem },
    ]);
    expect(await registry.check('a')).toMatchObject({
      ...{ ok: false, reachable: false, trusted: false, sourceError: problem },
      code: 'MCP_TLS_SOURCE_UNUSABLE',
    });
    await eventually(() => expect(events[0]).toMatchObject({ id: 'a', ...problem }));
    expect(server.records.handshakes).toBe(handshakes);
    replace(ca, pemOf(oldCa));
    expect(await ask(registry)).toBe(200);
    expect(await registry.get('a')).toMatchObject({ sourceError: undefined });
  });

  it.each(['', 'half a cer', '-----BEGIN CERTIFICATE-----\nMIIB'])(
    'goes on with what was read last where the file holds %j, and reports it',
    async (text) => {
      const server = await serve();
      const store = memoryStore();
      const registry = open({ store });
      await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
      expect(await ask(registry)).toBe(200);
      const failed = heard('mcp-tls:source-failed');
      writeFileSync(ca, text);
      await eventually(() => expect(failed).toMatchObject([{ files: [ca] }]));
      server.dropConnections();
      expect(await ask(registry)).toBe(200);
      expect(await registry.check('a')).toMatchObject({
        ok: true,
        sourceError: { code: 'MCP_TLS_SOURCE_UNUSABLE' },
      });
      // Another process has nothing that it read last.
      expect(await ask(open({ store }))).toBe('MCP_TLS_SOURCE_UNUSABLE');
    },
  );

  it('binds besides to the pins that were given with it', async () => {
    const server = await serve();
    const registry = open();
    const pins = oldLeaf?.spkiPin as string;
    await registry.register('a', server.url, { trust: { ca: fromFile(ca), pins } });
    server.rotate(await heldCertificate({ signedBy: oldCa as HeldCertificate }), DROP);
    expect(await ask(registry)).toBe('MCP_TLS_PIN_MISMATCH');
    expect(await registry.get('a')).toMatchObject({ pins: [pins] });
  });

  it('is not stored where what is in the file does not vouch for the server', async () => {
    const server = await serve();
    const registry = open();
    writeFileSync(ca, pemOf(newCa));
    const trust = { ca: fromFile(ca) };
    await expect(registry.register('a', server.url, { trust })).rejects.toMatchObject({
      code: 'MCP_TLS_UNKNOWN_ISSUER',
    });
    await expect(registry.get('a')).rejects.toMatchObject({ code: 'MCP_TLS_NOT_REGISTERED' });
  });

  it('never goes without the revocation list that it names', async () => {
    const server = await serve();
    const store = memoryStore();
    const registry = open({ store });
    const crl = join(folder, 'missing.crl');
    const record: unknown = JSON.parse(
      JSON.stringify(
        createStoredCertificate({ url: server.url, trust: { ca: oldCa?.pem as string } }),
      ),
    );
    const trust = { ...(record as StoredCertificate).trust, crl: [{ file: crl }] };
    await store.set(
      'a',
      parseStoredCertificate({ ...(record as object), trust }, { mayNameFiles: true }),
    );
    expect(await ask(registry)).toBe('MCP_TLS_SOURCE_UNUSABLE');
    expect(server.records.handshakes).toBe(0);
  });
});

describe('a record that names the file of an own certificate', () => {
  it('is not renewed past the file: its operator puts the new certificate there', async () => {
    const [first, second] = await Promise.all([heldCertificate(), heldCertificate()]);
    const own = write('own.crt', first.pem);
    const server = await serve();
    server.rotate(first);
    const registry = open();
    expect(
      await registry.register('a', server.url, { trust: { ca: fromFile(own) } }),
    ).toMatchObject({ kind: 'certificate', fingerprint: first.fingerprint });
    server.rotate(second, DROP);
    await expect(
      registry.renew('a', { expectFingerprint: second.fingerprint }),
    ).rejects.toMatchObject({ message: expect.stringContaining('what a file holds') });
    replace(own, second.pem);
    expect(await registry.renew('a')).toMatchObject({ changed: false });
    expect(await ask(registry)).toBe(200);
  });
});

describe('a record that names the files of a client certificate', () => {
  it('holds no copy of the key, and shows the certificate that is there now', async () => {
    const cert = write('tls.crt', me?.pem as string);
    const key = write('tls.key', me?.keyPem as string);
    const server = await serve({ clientCa: clientCa as HeldCertificate });
    const store = memoryStore();
    const registry = open({ store });
    const clientCertificate = { cert: fromFile(cert), key: fromFile(key) };
    const pem = oldCa?.pem as string;
    await registry.register('a', server.url, { trust: { ca: pem }, clientCertificate });
    const text = JSON.stringify(await store.get('a'));
    expect(text).not.toContain('PRIVATE KEY');
    expect(text).not.toContain(JSON.stringify(me?.pem).slice(30, 90));
    expect(await ask(registry)).toBe(200);
    expect(await registry.get('a')).toMatchObject({
      clientCertificate: { subject: 'CN=me' },
      sources: [
        { field: 'clientCertificate.cert', file: cert },
        { field: 'clientCertificate.key', file: key },
      ],
    });
    // One after the other: the first half changes nothing.
    const changed = heard('mcp-tls:source-changed');
    replace(cert, other?.pem as string);
    replace(key, other?.keyPem as string);
    await eventually(() => expect(changed).toHaveLength(1));
    expect(await ask(registry)).toBe(200);
    expect(await registry.get('a')).toMatchObject({ clientCertificate: { subject: 'CN=other' } });
    expect(await registry.check('a')).toMatchObject({ clientCertificate: { subject: 'CN=other' } });
  });

  it('opens a PKCS #12 file with the passphrase beside its name, and shows that nowhere', async () => {
    const cert = write('tls.crt', me?.pem as string);
    const key = write('tls.key', me?.keyPem as string);
    const pfx = join(folder, 'me.p12');
    execFileSync(await debianProgram('openssl'), [
      'pkcs12',
      '-export',
      '-in',
      cert,
      '-inkey',
      key,
      '-out',
      pfx,
      '-passout',
      'pass:sesame',
    ]);
    const server = await serve({ clientCa: clientCa as HeldCertificate });
    const store = memoryStore();
    const registry = open({ store });
    const clientCertificate = { pfx: fromFile(pfx), passphrase: 'sesame' };
    const registered = await registry.register('a', server.url, {
      ...{ expectFingerprint: oldLeaf?.fingerprint, clientCertificate },
    });
    expect(await ask(registry)).toBe(200);
    expect(await store.get('a')).toMatchObject({
      trust: { clientCertificate: { pfx: { file: pfx }, passphrase: 'sesame' } },
      certificate: { fingerprint: oldLeaf?.fingerprint },
    });
    const trust = await store.trust('a');
    const shown = inspect([registered, await registry.list(), await registry.check('a')], {
      depth: 9,
    });
    expect(shown).toContain('CN=me');
    expect(shown).not.toMatch(/sesame|PRIVATE/);
    rmSync(pfx);
    expect(inspect(await registry.list(), { depth: 9 })).not.toMatch(/sesame|PRIVATE/);
    // A record is read by whoever may read keys; what is ready to connect with shows none.
    expect(inspect(trust && { ...trust, record: undefined }, { depth: 9 })).not.toMatch(/sesame/);
  });

  it('keeps them when the trust in the server changes, without reading a file that is gone', async () => {
    const cert = write('tls.crt', me?.pem as string);
    const key = write('tls.key', me?.keyPem as string);
    const server = await serve({ clientCa: clientCa as HeldCertificate });
    const registry = open();
    const clientCertificate = { cert: fromFile(cert), key: fromFile(key) };
    await registry.register('a', server.url, { trust: { ca: fromFile(ca), clientCertificate } });
    rmSync(ca);
    await registry.update('a', { trust: { ca: oldCa?.pem as string } });
    expect(await registry.get('a')).toMatchObject({
      sources: [{ field: 'clientCertificate.cert' }, { field: 'clientCertificate.key' }],
    });
    expect(await ask(registry)).toBe(200);
  });
});

describe('a change of a record', () => {
  it('of what the files do not concern does not read them', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    rmSync(ca);
    const expiresAt = new Date(Date.now() + 3_600_000);
    await registry.update('a', { labels: { team: 'x' }, expiresAt });
    expect(await registry.get('a')).toMatchObject({
      labels: { team: 'x' },
      expiresAt,
      sources: [{ file: ca }],
    });
    await expect(registry.update('a', { serverName: 'localhost' })).rejects.toMatchObject({
      code: 'MCP_TLS_SOURCE_UNUSABLE',
    });
  });

  it('from a file to what was in it follows the file no longer', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    expect(await ask(registry)).toBe(200);
    await registry.update('a', { trust: { ca: oldCa?.pem as string } });
    expect(await ask(registry)).toBe(200);
    replace(ca, pemOf(oldCa, newCa));
    server.rotate(newLeaf as HeldCertificate, DROP);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await ask(registry)).toBe('MCP_TLS_UNKNOWN_ISSUER');
  });

  it('from what was approved to a file that holds the same interrupts nothing', async () => {
    const server = await serve();
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: oldCa?.pem as string } });
    const client = (await registry.clientFactory('a'))();
    const ended = endOf(await client(`${server.url}/stream`));
    await registry.update('a', { trust: { ca: fromFile(ca) } });
    expect(await Promise.race([ended, new Promise((go) => setTimeout(go, 200, 'open'))])).toBe(
      'open',
    );
    await registry.revoke('a');
    expect(await ended).toBe('MCP_TLS_CLOSED');
  });

  it('by somebody else is approved at another time', async () => {
    const server = await serve();
    const registry = open();
    const trust = { ca: oldCa?.pem as string };
    const before = await registry.register('a', server.url, { trust, approvedBy: 'ann' });
    await new Promise((resolve) => setTimeout(resolve, 5));
    const after = await registry.update('a', { trust: { ca: fromFile(ca) }, approvedBy: 'bob' });
    expect(after.approvedBy).toBe('bob');
    expect(Number(after.approvedAt)).toBeGreaterThan(Number(before.approvedAt));
    const labelled = await registry.update('a', { labels: { x: 'y' } });
    expect(labelled).toMatchObject({ approvedBy: 'bob', approvedAt: after.approvedAt });
  });
});

describe('a file', () => {
  const named = () => ({ ca: [{ file: ca }] });

  it('is not named by data: neither in a policy nor in a configuration', async () => {
    const server = await serve();
    const registry = open();
    const trust = named() as never;
    await expect(registry.register('a', server.url, { trust })).rejects.toMatchObject({
      code: 'MCP_TLS_INVALID_ARGUMENT',
    });
    expect(() => makeCustomClientFactory(trust)).toThrow(/trust.ca/);
    expect(() => parseTrust(named())).toThrow(/tls.ca/);
    expect(() => parseTrust(named(), { base: folder })).toThrow(/tls.ca/);
    expect(server.records.handshakes).toBe(0);
  });

  it('is named by a record of JSON only where that is said to be allowed', async () => {
    const store = memoryStore();
    const record = createStoredCertificate({
      url: 'https://a.example/',
      trust: { ca: fromFile(ca) },
    });
    const text = JSON.stringify(record);
    expect(() => parseStoredCertificate(JSON.parse(text))).toThrow(/names a file/);
    await expect(store.set('a', JSON.parse(text))).rejects.toThrow(/names a file/);
    const parsed = parseStoredCertificate(JSON.parse(text), { mayNameFiles: true });
    expect(parsed).toEqual(record);
    await store.set('a', parsed);
    expect(await store.get('a')).toEqual(record);
    expect(trustPolicyOf(parsed)).toBeDefined();
    // As docs/store.md changes a record: its trust is passed on as it was.
    const changed = { ...parsed, labels: { team: 'x' } };
    await store.set('a', changed);
    expect(await store.get('a')).toEqual(changed);
    const retold = { ...parsed, trust: JSON.parse(JSON.stringify(parsed.trust)) };
    await expect(store.set('a', retold)).rejects.toThrow(/names a file/);
  });

  it.each([
    ['a relative path', { file: 'ca.crt' }],
    ['an URL', { file: 'file:///etc/ca.crt' }],
    ['no path', { file: 1 }],
    ['a field besides', { file: '/etc/ca.crt', more: 1 }],
    ['an empty path', { file: '' }],
    ['a certificate', { file: '/-----BEGIN CERTIFICATE-----' }],
  ])('is not named by %s', (_, one) => {
    const record = { version: 2, url: 'https://a.example/', trust: { ca: [one] } };
    expect(() => parseStoredCertificate(record, { mayNameFiles: true })).toThrow(
      /record|trust|fromFile/,
    );
  });

  it('is not taken for the certificate that a record shows as approved', () => {
    const record = createStoredCertificate({
      url: 'https://a.example/',
      trust: { ca: oldCa?.pem as string },
    });
    const trust = { ca: [{ file: ca }] };
    const claims = { ...JSON.parse(JSON.stringify(record)), trust };
    expect(() => parseStoredCertificate(claims, { mayNameFiles: true })).toThrow(/not the one/);
  });

  it('is no function of one process', async () => {
    const server = await serve();
    const registry = open();
    const trust = { ca: () => oldCa?.pem as string };
    await expect(registry.register('a', server.url, { trust })).rejects.toMatchObject({
      code: 'MCP_TLS_INVALID_ARGUMENT',
      message: expect.stringContaining('names a function'),
    });
    expect(server.records.handshakes).toBe(0);
  });

  it('is followed by a factory that is made with a record, too', async () => {
    const server = await serve();
    const store = memoryStore();
    await store.set('a', { url: server.url, trust: { ca: fromFile(ca) } });
    const trust = await store.trust('a');
    if (trust === undefined) throw new Error('no record');
    const factory = makeCustomClientFactory(trust);
    cleanups.push(() => factory.close());
    const client = factory({ url: server.url });
    expect((await client(server.url)).status).toBe(200);
    const changed = heard('mcp-tls:source-changed');
    server.rotate(newLeaf as HeldCertificate, DROP);
    replace(ca, pemOf(newCa));
    await eventually(() => expect(changed).toHaveLength(1));
    expect((await client(server.url)).status).toBe(200);
  });

  it('may be one of several: what stands in the record beside it stays there', async () => {
    const server = await serve();
    const registry = open();
    const trust = { ca: [newCa?.pem as string, fromFile(ca)] };
    await registry.register('a', server.url, { trust });
    expect(await ask(registry)).toBe(200);
    server.rotate(newLeaf as HeldCertificate, DROP);
    server.dropConnections();
    expect(await ask(registry)).toBe(200);
  });

  it('is named for other origins, and reported by them', async () => {
    const server = await serve();
    const registry = open();
    const registered: RegisteredServer = await registry.register('a', server.url, {
      trust: { ca: oldCa?.pem as string },
      origins: { 'https://auth.example': { ca: fromFile(ca) } },
    });
    const field = "origins['https://auth.example'].ca";
    expect(registered.sources).toEqual([{ field, file: ca }]);
    rmSync(ca);
    expect(await ask(registry)).toBe('MCP_TLS_SOURCE_UNUSABLE');
  });
});

function only<T extends object, K extends keyof T>(value: T, ...keys: K[]): Pick<T, K> {
  return Object.fromEntries(keys.map((key) => [key, value[key]])) as Pick<T, K>;
}
