import { rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  fromFile,
  makeCustomClientFactory,
  parseTrust,
  type RegisteredServer,
} from '../../src/index.js';
import {
  createStoredCertificate,
  parseStoredCertificate,
  trustPolicyOf,
} from '../../src/store/index.js';
import type { HeldCertificate } from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';
import {
  ask,
  ca,
  cleanups,
  DROP,
  endOf,
  folder,
  heard,
  memoryStore,
  newCa,
  newLeaf,
  oldCa,
  oldLeaf,
  open,
  pemOf,
  replace,
  serve,
} from './record-sources-setup.js';

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

  it('leaves nothing of what stood beside the file, once the file lets go of it too', async () => {
    const server = await serve();
    const registry = open();
    const beside = newCa?.pem as string;
    await registry.register('a', server.url, { trust: { ca: [fromFile(ca), beside] } });
    expect(await ask(registry)).toBe(200);
    replace(ca, pemOf(oldCa, newCa));
    await registry.update('a', { trust: { ca: fromFile(ca) } });
    expect(await ask(registry)).toBe(200);
    replace(ca, pemOf(oldCa));
    server.rotate(newLeaf as HeldCertificate, DROP);
    await eventually(async () => expect(await ask(registry)).toBe('MCP_TLS_UNKNOWN_ISSUER'));
  });

  it('of what the certificates in a file are holds for those that come later', async () => {
    const server = await serve();
    const registry = open();
    replace(ca, pemOf(oldLeaf));
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    expect(await ask(registry)).toBe(200);
    await registry.update('a', { trust: { ca: fromFile(ca), authority: false } });
    expect(await ask(registry)).toBe(200);
    replace(ca, pemOf(oldLeaf, newCa));
    await new Promise((resolve) => setTimeout(resolve, 500));
    server.rotate(newLeaf as HeldCertificate, DROP);
    expect(await ask(registry)).toBe('MCP_TLS_UNKNOWN_ISSUER');
  });

  it('ends streams that rest on what a file had won, also where the file has gone', async () => {
    const server = await serve();
    const registry = open();
    const changed = heard('mcp-tls:source-changed');
    await registry.register('a', server.url, { trust: { ca: fromFile(ca) } });
    expect(await ask(registry)).toBe(200);
    replace(ca, pemOf(oldCa, newCa));
    await eventually(() => expect(changed.length).toBeGreaterThan(0));
    server.rotate(newLeaf as HeldCertificate, DROP);
    const client = (await registry.clientFactory('a'))();
    const ended = endOf(await client(`${server.url}/stream`));
    rmSync(ca);
    server.rotate(oldLeaf as HeldCertificate);
    await registry.update('a', { trust: { ca: oldCa?.pem as string } });
    expect(await ended).toBe('MCP_TLS_CLOSED');
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
