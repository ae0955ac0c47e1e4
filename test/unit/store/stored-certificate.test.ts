import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  dangerouslyTrustAnyServer,
  makeCustomClientFactory,
  type TrustInput,
} from '../../../src/index.js';
import { createStoredCertificate, parseStoredCertificate } from '../../../src/store/index.js';
import { trustOf } from '../../../src/store/record/parse-stored-certificate.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { aCertificate, aRecord, codeOf } from './support.js';

const held = aCertificate;
const other = await heldCertificate();
const root = await heldCertificate({ isCa: true });
const full = () =>
  aRecord({
    url: 'https://10.0.0.5:8443/mcp',
    trust: {
      ca: held.pem,
      authority: false,
      roots: 'default',
      pins: [held.spkiPin],
      identity: 'name',
      serverName: 'localhost',
      minVersion: 'TLSv1.3',
      clientCertificate: { cert: held.pem, key: held.keyPem },
    },
    origins: { 'https://login.example': root.pem },
    proxy: 'http://proxy.example:3128',
    labels: { team: 'billing' },
    approvedBy: 'ops@example.com',
    approvedAt: new Date('2026-11-22T17:00:00.000Z'),
    expiresAt: new Date('2027-11-22T17:00:00.000Z'),
    previous: { pem: held.pem, fingerprint: held.fingerprint },
  });

const loop: Record<string, unknown> = { ...aRecord() };
loop['previous'] = loop;

describe('a stored certificate', () => {
  it('has what follows from the certificate', async () => {
    expect(aRecord()).toMatchObject({
      version: 2,
      trust: { ca: [held.pem], authority: false },
      certificate: {
        isSelfSigned: true,
        fingerprint: held.fingerprint,
        notAfter: new Date(held.certificate.validTo).toISOString(),
      },
    });
    const leaf = await heldCertificate({ signedBy: root });
    expect(aRecord({ trust: leaf.pem }).certificate?.isSelfSigned).toBe(false);
  });

  it('of the default roots has no certificate', () => {
    const record = aRecord({ trust: null });
    expect(record.trust).toEqual({ roots: 'default' });
    expect(record.certificate).toBeUndefined();
    expect(trustOf(record).policy).toMatchObject({ defaultRoots: true, anchors: [] });
  });

  it('survives JSON with every field', () => {
    const copy = parseStoredCertificate(JSON.parse(JSON.stringify(full())));
    // PKCS #8 once written is written the same again; the rest is compared as it is.
    expect(copy).toEqual(full());
  });

  it('is a frozen copy, and is not checked again', () => {
    const record = full();
    expect(Object.isFrozen(record) && Object.isFrozen(record.trust.pins)).toBe(true);
    expect(Object.isFrozen(record.trust.clientCertificate)).toBe(true);
    expect(parseStoredCertificate(record)).toBe(record);
    expect(trustOf(record)).toBe(trustOf(record));
  });

  it.each<[string, TrustInput]>([
    ['a certificate', held.pem],
    ['an authority with names', { ca: held.pem, authority: true }],
    ['an own certificate and an authority', { ca: [held.pem, root.pem] }],
    ['the roots and an authority', { ca: root.pem, roots: 'default' }],
    ['the roots and a pin', { roots: 'default', pins: held.spkiPin }],
    ['an expired pin', { identity: 'pin', pins: [held.spkiPin], allowExpired: true }],
    ['the roots', null],
  ])('means the same trust as it was made of: %s', async (_what, trust) => {
    const isByPin = (trust as { identity?: string } | null)?.identity === 'pin';
    const certificate = isByPin ? held.pem : undefined;
    const { policy } = trustOf(
      parseStoredCertificate(JSON.parse(JSON.stringify(aRecord({ trust, certificate })))),
    );
    const factory = makeCustomClientFactory(policy);
    await factory.close();
    const again = trustOf(aRecord({ trust, certificate })).policy;
    const facts = (one: typeof policy) => ({
      ...JSON.parse(JSON.stringify(one)),
      authorities: one.authorities.map(({ fingerprint256 }) => fingerprint256),
      own: one.ownCertificates.length,
      defaultRoots: one.defaultRoots,
      allowExpired: one.allowExpired,
    });
    expect(facts(policy)).toEqual(facts(again));
  });

  it('is never made of dangerouslyTrustAnyServer()', async () => {
    const trust = dangerouslyTrustAnyServer();
    expect(await codeOf(() => aRecord({ trust }))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  const certificate = (change: object) => ({
    certificate: { ...aRecord().certificate, ...change },
  });
  const trust = (change: object) => ({ trust: { ...aRecord().trust, ...change } });

  it.each<[string, Record<string, unknown>]>([
    ['version 1', { version: 1 }],
    ['no version', { version: undefined }],
    ['an unknown field', { note: 'x' }],
    ['an unset field', { approvedBy: undefined }],
    ['a null field', { labels: null }],
    ['no trust', { trust: undefined }],
    ['trust as a text', { trust: held.pem }],
    ['trust that is null', { trust: null }],
    ['empty trust', { trust: {} }],
    ['trust with an unknown field', trust({ note: 'x' })],
    ['an unset field in its trust', trust({ serverName: null })],
    ['no certificate beside ca', { certificate: undefined }],
    ['a wrong isSelfSigned', certificate({ isSelfSigned: false })],
    ['a wrong fingerprint', certificate({ fingerprint: 'AA:BB' })],
    ['a wrong end', certificate({ notAfter: '2099-01-01T00:00:00.000Z' })],
    ['an unknown field in its certificate', certificate({ note: 'x' })],
    ['a certificate that its trust does not name', { trust: { ca: [other.pem] } }],
    ['a certificate beside the roots alone', { trust: { roots: 'default' } }],
    ['a certificate that no pin is of', { trust: { identity: 'pin', pins: [other.spkiPin] } }],
    ['a flag that is a text', trust({ authority: 'true' })],
    ['an empty name', trust({ serverName: '' })],
    ['a name that is none', trust({ serverName: '*.example' })],
    ['empty pins', trust({ pins: [] })],
    ['a pin that is none', trust({ pins: ['sha256/AAAA'] })],
    ['identity pin without pins', { trust: { identity: 'pin' } }],
    ['unknown roots', trust({ roots: 'all' })],
    ['an http URL', { url: 'http://10.0.0.5/' }],
    ['a URL with a password', { url: 'https://a:b@10.0.0.5/' }],
    ['no URL', { url: undefined }],
    ['a date in words', { approvedAt: 'yesterday' }],
    ['labels that are no texts', { labels: { a: 1 } }],
    ['an origin with a path', { origins: { 'https://a.example/x': { roots: 'default' } } }],
    ['an origin without trust', { origins: { 'https://a.example': null } }],
    ['a proxy by the environment', { proxy: 'env' }],
    ['a proxy that is none', { proxy: 'ftp://a.example' }],
    ['half a client certificate', trust({ clientCertificate: { cert: held.pem } })],
    [
      'a client key of another',
      trust({ clientCertificate: { cert: held.pem, key: other.keyPem } }),
    ],
    [
      'a previous certificate of another fingerprint',
      { previous: { pem: held.pem, fingerprint: 'AA' } },
    ],
    ['a megabyte', { approvedBy: 'x'.repeat(2 ** 20) }],
  ])('with %s is refused', async (_, change) => {
    const changed = { ...aRecord(), ...change };
    expect(await codeOf(() => parseStoredCertificate(changed))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  const fields = ['certificate', 'origins', 'proxy', 'labels', 'previous', 'url', 'expiresAt'];
  it.each(fields.flatMap((field) => [false, 0, '', null].map((value) => [field, value] as const)))(
    'whose %s is %j is refused',
    async (field, value) => {
      for (const record of [aRecord(), full()]) {
        const changed = { ...record, [field]: value };
        expect(await codeOf(() => parseStoredCertificate(changed))).toBe(
          'MCP_TLS_INVALID_ARGUMENT',
        );
      }
    },
  );

  const inTrust = [
    'ca',
    'crl',
    'roots',
    'pins',
    'identity',
    'serverName',
    'groups',
    'clientCertificate',
  ];
  it.each(inTrust)(
    'whose trust, or that of an origin, has a %s that is null is refused',
    async (field) => {
      const changed = { ...aRecord().trust, [field]: null };
      const origins = { 'https://login.example': changed };
      for (const record of [
        { ...aRecord(), trust: changed },
        { ...aRecord(), origins },
      ]) {
        expect(await codeOf(() => parseStoredCertificate(record))).toBe('MCP_TLS_INVALID_ARGUMENT');
      }
    },
  );

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', held.pem],
    ['a list', []],
    ['a loop', loop],
  ])('that is %s is refused', async (_, value) => {
    expect(await codeOf(() => parseStoredCertificate(value))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it('is refused without repeating the key', () => {
    const bad = {
      ...aRecord(),
      ...trust({ clientCertificate: { cert: held.keyPem, key: held.keyPem } }),
    };
    let shown = '';
    try {
      parseStoredCertificate(bad);
    } catch (error) {
      shown = inspect(error, { depth: 9 });
    }
    expect(shown).not.toBe('');
    expect(shown).not.toContain(held.keyPem.split('\n')[1]);
  });
});

describe('createStoredCertificate: what was not set', () => {
  const url = 'https://billing.internal/mcp';

  it.each([
    ['trust', { trust: undefined }],
    ['the trust of an origin', { trust: null, origins: { 'https://login.internal': undefined } }],
    ['a date', { trust: null, approvedAt: new Date('x') }],
    ['a date that is text', { trust: null, expiresAt: '2030-01-01' }],
  ])('refuses %s', (_, input) => {
    const create = () => createStoredCertificate({ url, ...input } as never);
    expect(create).toThrow(expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }));
  });
});
