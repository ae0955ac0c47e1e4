import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import {
  checkStoredCertificate,
  makeCustomClientFactory,
  makeStoredCertificate,
  trustPolicyOf,
} from '../../../src/index.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { aCertificate, aRecord, codeOf } from './support.js';

const held = aCertificate;
const other = await heldCertificate();
const full = () =>
  aRecord({
    url: 'https://10.0.0.5:8443/mcp',
    authority: false,
    roots: 'default',
    pins: [held.spkiPin],
    identity: 'name',
    serverName: 'localhost',
    allowExpired: false,
    minVersion: 'TLSv1.3',
    clientCertificate: { cert: held.certificatePem, key: held.keyPem },
    approvedBy: 'ops@example.com',
    approvedAt: '2026-11-22T17:00:00.000Z',
    expiresAt: '2027-11-22T17:00:00.000Z',
    previous: { certificatePem: held.certificatePem, fingerprint: held.fingerprint256 },
  });

const loop: Record<string, unknown> = { ...aRecord() };
loop['previous'] = loop;

describe('a stored certificate', () => {
  it('has what follows from the certificate', async () => {
    const record = aRecord();
    expect(record).toMatchObject({
      version: 1,
      isSelfSigned: true,
      fingerprint: held.fingerprint256,
      notAfter: new Date(held.certificate.validTo).toISOString(),
    });
    const leaf = await heldCertificate({ signedBy: await heldCertificate({ ca: true }) });
    expect(makeStoredCertificate({ certificatePem: leaf.certificatePem }).isSelfSigned).toBe(false);
  });

  it('survives JSON with every field', () => {
    expect(checkStoredCertificate(JSON.parse(JSON.stringify(full())))).toEqual(full());
  });

  it('is a frozen copy', () => {
    const record = full();
    expect(Object.isFrozen(record) && Object.isFrozen(record.pins)).toBe(true);
    expect(Object.isFrozen(record.clientCertificate)).toBe(true);
  });

  it('stands for a policy that a client takes', async () => {
    const { ca, ...policy } = trustPolicyOf(full());
    expect(ca).toBe(held.certificatePem);
    expect(policy).toMatchObject({ roots: 'default', pins: [held.spkiPin], minVersion: 'TLSv1.3' });
    await makeCustomClientFactory(trustPolicyOf(full())).close();
    const byPin = aRecord({ identity: 'pin', pins: [held.spkiPin] });
    await makeCustomClientFactory(trustPolicyOf(byPin)).close();
  });

  it.each<[string, Record<string, unknown>]>([
    ['another version', { version: 2 }],
    ['no version', { version: undefined }],
    ['an unknown field', { note: 'x' }],
    ['an unset field', { serverName: undefined }],
    ['a null field', { pins: null }],
    ['a wrong isSelfSigned', { isSelfSigned: false }],
    ['a wrong fingerprint', { fingerprint: 'AA:BB' }],
    ['a wrong end', { notAfter: '2099-01-01T00:00:00.000Z' }],
    ['a flag that is a text', { allowExpired: 'true' }],
    ['an empty name', { serverName: '' }],
    ['a name that is none', { serverName: '*.example' }],
    ['empty pins', { pins: [] }],
    ['a pin that is none', { pins: ['sha256/AAAA'] }],
    ['identity pin without pins', { identity: 'pin' }],
    ['unknown roots', { roots: 'all' }],
    ['an http URL', { url: 'http://10.0.0.5/' }],
    ['a URL with a password', { url: 'https://a:b@10.0.0.5/' }],
    ['a date in words', { approvedAt: 'yesterday' }],
    ['half a client certificate', { clientCertificate: { cert: held.certificatePem } }],
    [
      'a client key of another',
      { clientCertificate: { cert: held.certificatePem, key: other.keyPem } },
    ],
    [
      'a previous certificate of another fingerprint',
      { previous: { certificatePem: held.certificatePem, fingerprint: 'AA' } },
    ],
    ['a megabyte', { approvedBy: 'x'.repeat(2 ** 20) }],
  ])('with %s is refused', async (_, change) => {
    const changed = { ...aRecord(), ...change };
    expect(await codeOf(() => checkStoredCertificate(changed))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a text', held.certificatePem],
    ['a list', []],
    ['a loop', loop],
  ])('that is %s is refused', async (_, value) => {
    expect(await codeOf(() => checkStoredCertificate(value))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it('is refused without repeating the key', () => {
    const bad = { ...aRecord(), clientCertificate: { cert: held.keyPem, key: held.keyPem } };
    let shown = '';
    try {
      checkStoredCertificate(bad);
    } catch (error) {
      shown = inspect(error, { depth: 9 });
    }
    expect(shown).not.toBe('');
    expect(shown).not.toContain(held.keyPem.split('\n')[1]);
  });
});
