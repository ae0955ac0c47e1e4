import { beforeAll, describe, expect, it } from 'vitest';
import {
  type HeldCertificate,
  type HeldCertificateOptions,
  heldCertificate,
} from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { identityUnder } from '../../../src/trust/reference-identity.js';
import type { TrustInput } from '../../../src/trust/trust-policy.js';

/** Shapes of X509-SVIDs: SPIFFE ID §2, X509-SVID §2 to §5. */

const ID = 'spiffe://example.org/billing';
let ca: HeldCertificate;

beforeAll(async () => {
  ca = await heldCertificate({ isCa: true, uri: ['spiffe://example.org'] });
});

async function verdict(
  options: HeldCertificateOptions,
  uri = ID,
  chainError: string | null = null,
) {
  const leaf = await heldCertificate({ signedBy: ca, uri: [ID], ...options });
  const policy = checkTrustPolicy({ ca: ca.pem, serverName: { uri } });
  const presentation = { chain: [leaf.certificate], isWhole: true, chainError };
  return decide(policy, presentation as never, identityUnder(policy, '127.0.0.1'), new Date());
}

describe('a certificate for a URI', () => {
  it.each<[string, HeldCertificateOptions]>([
    ['exactly this URI', {}],
    ['the URI, and DNS names and addresses besides', { dns: ['billing.local'], ip: ['10.0.0.5'] }],
    ['the URI in a critical extension', { san: 'critical' }],
  ])('is trusted with %s', async (_, options) => {
    expect(await verdict(options)).toEqual({ trusted: true, by: 'chain' });
  });

  it.each<[string, HeldCertificateOptions]>([
    ['another path', { uri: ['spiffe://example.org/billing2'] }],
    ['another trust domain', { uri: ['spiffe://example.com/billing'] }],
    ['the path in other letters', { uri: ['spiffe://example.org/Billing'] }],
    ['a slash at the end', { uri: [`${ID}/`] }],
    ['two URIs, this one first', { uri: [ID, 'https://example.org/'] }],
    ['two URIs, this one last', { uri: ['spiffe://example.org/other', ID] }],
    ['the URI twice', { uri: [ID, ID] }],
    ['no URI', { uri: [], dns: ['example.org'] }],
    ['the URI as a DNS name', { uri: [], dns: [ID] }],
    ['no names', { uri: [], san: 'none' }],
    ['the right URI, as a CA', { isCa: true, extendedKeyUsages: ['serverAuth'] }],
    ['the right URI, and the right to sign', { keyUsages: ['digitalSignature', 'keyCertSign'] }],
    ['the right URI, and the right to revoke', { keyUsages: ['digitalSignature', 'cRLSign'] }],
  ])('is refused with %s', async (_, options) => {
    expect(await verdict(options)).toMatchObject({
      trusted: false,
      reason: 'MCP_TLS_NAME_MISMATCH',
      expected: `URI:${ID}`,
    });
  });

  it('is refused where its chain is', async () => {
    const refused = await verdict({}, ID, 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY');
    expect(refused).toMatchObject({ trusted: false });
  });

  it('says in its hint what to write where a name was asked for', async () => {
    const leaf = await heldCertificate({ signedBy: ca, uri: [ID] });
    const policy = checkTrustPolicy(ca.pem);
    const presentation = { chain: [leaf.certificate], isWhole: true, chainError: null };
    const identity = identityUnder(policy, 'billing.local');
    expect(decide(policy, presentation as never, identity, new Date())).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
      hint: expect.stringContaining('serverName: { uri:'),
    });
  });
});

describe('serverName.uri', () => {
  const check =
    (serverName: unknown, rest: object = {}) =>
    () =>
      checkTrustPolicy({ ca: ca.pem, serverName, ...rest } as TrustInput);

  it.each([
    ID,
    'spiffe://example.org/ns/prod/sa/web_1.x-y',
    'spiffe://1.2.3.4/a',
    'urn-like://Any/Thing?x#y',
  ])('takes %s', (uri) => {
    expect(check({ uri })().serverName).toBe(uri);
  });

  it.each([
    'spiffe://example.org',
    'spiffe://example.org/',
    'spiffe://example.org/a/',
    'spiffe://example.org//a',
    'spiffe://example.org/./a',
    'spiffe://example.org/a/..',
    'spiffe://Example.org/a',
    'spiffe://example.org:8443/a',
    'spiffe://user@example.org/a',
    'spiffe://example.org/a?b',
    'spiffe://example.org/a#b',
    'spiffe://example.org/%61',
    'SPIFFE://example.org/a',
    `spiffe://example.org/${'a'.repeat(2048)}`,
    'billing.local',
    'urn:x:y',
    'https://a b/',
    '',
  ])('refuses %s', (uri) => {
    expect(check({ uri })).toThrow(/serverName/);
  });

  it('is no text, has no other field, and needs an authority of yours alone', () => {
    expect(check(ID)).toThrow(/server name/);
    expect(check({ uri: ID, dns: 'a' })).toThrow(/unknown field/);
    expect(check({})).toThrow(/uri is missing/);
    expect(check({ uri: ID }, { roots: 'default' })).toThrow(/needs trust.ca, and no roots/);
    expect(check({ uri: ID }, { ca: undefined })).toThrow();
    expect(() => checkTrustPolicy({ roots: 'default', serverName: { uri: ID } } as never)).toThrow(
      /needs trust.ca/,
    );
  });

  it('asks for the host of the URL, and for nothing where that is an address', () => {
    const policy = check({ uri: ID })();
    expect(identityUnder(policy, 'Billing.local')).toEqual({
      kind: 'uri',
      value: ID,
      sni: 'billing.local',
    });
    expect(identityUnder(policy, '10.0.0.5')).toEqual({ kind: 'uri', value: ID });
  });
});
