import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  createCertificateStore,
  createServerRegistry,
  fromFile,
  type RegistryEvent,
  type StoredCertificate,
} from '../../src/index.js';
import { createStoredCertificate, parseStoredCertificate } from '../../src/store/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { debianProgram } from '../support/debian-program.js';
import { eventually } from '../support/waiting.js';
import {
  ask,
  ca,
  cleanups,
  clientCa,
  DROP,
  endOf,
  folder,
  heard,
  me,
  memoryStore,
  newCa,
  newLeaf,
  oldCa,
  oldLeaf,
  only,
  open,
  other,
  pemOf,
  replace,
  serve,
  write,
} from './record-sources-setup.js';

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

  it('makes a watch report its end once, also where it goes and comes back as it was', async () => {
    const inDays = (days: number) => new Date(Date.now() + days * 86_400_000);
    const soonCa = await heldCertificate({ isCa: true, notAfter: inDays(20.5) });
    const server = await serve();
    server.rotate(await heldCertificate({ signedBy: soonCa, notAfter: inDays(10.5) }), DROP);
    const ours = await heldCertificate({ notAfter: inDays(5.5) });
    replace(ca, pemOf(soonCa));
    const clientCertificate = {
      cert: fromFile(write('me.crt', ours.pem)),
      key: fromFile(write('me.key', ours.keyPem)),
    };
    const registry = open();
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) }, clientCertificate });
    const watch = registry.watch({ intervalMs: 100, pollMs: 100 });
    const ends: string[] = [];
    const refused: string[] = [];
    watch.on('expiring', ({ what, daysLeft }) => ends.push(`${what} ${daysLeft}`));
    watch.on('refused', ({ code }) => refused.push(code));
    const looked = async () => {
      const { connections } = server.records;
      await eventually(() => expect(server.records.connections).toBeGreaterThan(connections + 2));
    };
    await looked();
    const once = ['certificate 20', 'client certificate 5', 'certificate 10'];
    expect(ends).toEqual(once);
    rmSync(ca);
    await eventually(() => expect(refused).toEqual(['MCP_TLS_SOURCE_UNUSABLE']));
    replace(ca, pemOf(soonCa));
    await looked();
    expect(ends).toEqual(once);
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

  it('requires the pins that were given with it, too', async () => {
    const server = await serve();
    const registry = open();
    const pins = oldLeaf?.spkiPin as string;
    await registry.register('a', server.url, { trust: { ca: fromFile(ca), pins } });
    server.rotate(await heldCertificate({ signedBy: oldCa as HeldCertificate }), DROP);
    expect(await ask(registry)).toBe('MCP_TLS_PIN_MISMATCH');
    expect(await registry.get('a')).toMatchObject({ pins: [pins] });
  });

  it('is not stored where the server is not trusted by what is in the file', async () => {
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
