import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { canonicalAddress, publicAddressesOnly } from '../../src/connect/address.js';
import {
  type AllowAddress,
  createCertificateStore,
  createServerRegistry,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { askOnce } from '../support/ask-once.js';
import { eventually } from '../support/waiting.js';
import { later } from './guards-setup.js';
import { codeOf } from './support/code-of.js';
import { certificatePin } from './support/crafted.js';
import { scratchRegistry } from './support/scratch-registry.js';

describe('allowAddress', () => {
  it.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['a truthy value', 'yes'],
    ['a promise of 1', Promise.resolve(1)],
    ['false', false],
  ])('that answers %s refuses, for a name and for an address', async (_, answer) => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const allowAddress = (() => answer) as AllowAddress;
    const ask = (url: string) => askOnce(url, certificate.pem, { allowAddress });
    expect(await ask(server.url)).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await ask(server.urlFor('localhost'))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(server.records.connections).toBe(0);
  });

  it('is asked in one spelling, however a lookup spells the address', async () => {
    const certificate = await heldCertificate({ dns: ['a.test'] });
    await using server = await startTlsServer({ certificate });
    const asked: string[] = [];
    const allowAddress: AllowAddress = (address) => asked.push(address) < 0;
    for (const address of ['::ffff:127.0.0.1', '0:0:0:0:0:ffff:7f00:1', '0:0::FFFF:127.0.0.1']) {
      const lookup = (_: string, __: object, done: (...answer: never[]) => void) =>
        done(...([null, [{ address, family: 6 }]] as never[]));
      const options = { allowAddress, lookup: lookup as never };
      const url = server.urlFor('a.test');
      expect(await askOnce(url, certificate.pem, options)).toBe('MCP_TLS_ADDRESS_REFUSED');
    }
    expect(asked).toEqual(['127.0.0.1', '127.0.0.1', '127.0.0.1']);
    expect(server.records.connections).toBe(0);
  });

  it('says of one port nothing about another of the same host', async () => {
    const certificate = await heldCertificate();
    await using one = await startTlsServer({ certificate });
    await using other = await startTlsServer({ certificate });
    const allowAddress: AllowAddress = (_, { port }) => port === one.port;
    await using scratch = scratchRegistry({ allowAddress });
    const trust = certificate.pem;
    const url = (server: typeof one) => server.urlFor('localhost', '/mcp');
    expect(await codeOf(scratch.registry.register('a', url(one), { trust }))).toBe('resolved');
    expect(await codeOf(scratch.registry.register('b', url(other), { trust }))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
    const factory = await scratch.registry.clientFactory('a');
    await codeOf(factory()(url(other)));
    one.dropConnections();
    expect((await factory()(url(one))).status).toBe(200);
    expect(other.records.connections).toBe(0);
  });

  it('has a ready-made hook that allows public addresses only', () => {
    const inner = ['0.0.0.0', '0.1.2.3', '10.0.0.1', '127.0.0.1', '169.254.169.254', '192.168.0.1'];
    const inner6 = ['::', '::1', 'fe80::1', 'fc00::1', 'fd00:ec2::254', 'ff02::1', '2002:7f00:1::'];
    const mapped = ['::ffff:127.0.0.1', '0:0:0:0:0:ffff:a00:1', '64:ff9b::7f00:1'];
    for (const address of [...inner, ...inner6, ...mapped, 'nowhere', '']) {
      expect(publicAddressesOnly(address), address).toBe(false);
    }
    for (const address of ['1.1.1.1', '2606:4700:4700::1111', '::ffff:1.1.1.1']) {
      expect(publicAddressesOnly(address), address).toBe(true);
    }
    expect(canonicalAddress('0:0:0:0:0:ffff:7f00:1')).toBe('127.0.0.1');
  });
});

describe('the registry', () => {
  it('takes only true for an approval, and a first use only where nothing is on record', async () => {
    const [certificate, next] = [await heldCertificate(), await heldCertificate()];
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    for (const answer of [undefined, 1, 'yes', Promise.resolve({})]) {
      const approve = () => answer as never;
      expect(await codeOf(registry.register('a', server.url, { approve }))).toBe(
        'MCP_TLS_APPROVAL_REQUIRED',
      );
    }
    const wrong = { expectFingerprint: certificatePin(next) };
    expect(await codeOf(registry.register('a', server.url, wrong))).toBe(
      'MCP_TLS_FINGERPRINT_MISMATCH',
    );
    expect(await scratch.stored()).toEqual([]);
    const first = { trustOnFirstUse: true } as const;
    await registry.register('a', server.url, first);
    server.rotate(next);
    expect(await codeOf(registry.register('a', server.url, first))).toBe(
      'MCP_TLS_ALREADY_REGISTERED',
    );
    const replacing = registry.register('a', server.url, { ...first, replace: true });
    expect(await codeOf(replacing)).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect((await registry.get('a')).fingerprint).toBe(certificate.fingerprint);
  });

  it('stores no change that does not work, and makes no own certificate of a stranger', async () => {
    const root = await heldCertificate({ isCa: true });
    const certificate = await heldCertificate({ signedBy: root });
    const stranger = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    await registry.register('a', server.url, { trust: root.pem });
    const before = await registry.get('a');
    const change = registry.update('a', { trust: stranger.pem });
    expect(await codeOf(change)).toMatch(/^MCP_TLS_/);
    expect(await registry.get('a')).toEqual(before);
    server.rotate(stranger);
    const expectFingerprint = certificatePin(stranger);
    expect(await codeOf(registry.renew('a', { expectFingerprint }))).toMatch(/^MCP_TLS_/);
    expect(await registry.get('a')).toEqual(before);
  });

  it('renews nothing whose approval is over', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const expiresAt = new Date(Date.now() + 300);
    const trust = certificate.pem;
    await scratch.registry.register('a', server.url, { trust, expiresAt });
    await new Promise((resolve) => setTimeout(resolve, 350));
    expect(await codeOf(scratch.registry.renew('a'))).toBe('MCP_TLS_STORE_EXPIRED');
    const replacing = { trustOnFirstUse: true, replace: true } as const;
    const replaced = scratch.registry.register('a', server.url, replacing);
    expect(await codeOf(replaced)).toBe('MCP_TLS_APPROVAL_REQUIRED');
  });

  it('revokes at once while somebody is asked, and what was under way stores nothing', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using scratch = scratchRegistry();
    const { registry } = scratch;
    let answer: (approved: boolean) => void = () => {};
    let asked = false;
    const approve = () => {
      asked = true;
      return new Promise<boolean>((resolve) => {
        answer = resolve;
      });
    };
    const registering = codeOf(registry.register('a', server.url, { approve }));
    await eventually(() => expect(asked).toBe(true));
    await registry.revoke('a');
    expect(await Promise.race([registering, later(1000)])).toBe('MCP_TLS_NOT_REGISTERED');
    answer(true);
    await later(50);
    expect(await scratch.stored()).toEqual([]);
  });

  it('ends connections on a revocation before the store has deleted anything', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate, keepAliveMs: 0 });
    const keys = [{ id: 'k1', key: randomBytes(32) }];
    const store = createCertificateStore({ keys, storage: 'memory' });
    const stuck = { ...store, delete: () => new Promise<boolean>(() => {}) };
    const registry = createServerRegistry({ store: stuck });
    await registry.register('a', server.url, { trust: certificate.pem });
    const factory = await registry.clientFactory('a');
    await (await factory()(server.url)).text();
    expect(server.openConnections).toBe(1);
    void registry.revoke('a');
    // Sooner than an idle connection would be closed.
    await eventually(() => expect(server.openConnections).toBe(0), 2000);
    await registry.close();
    await store.close();
  });
});
