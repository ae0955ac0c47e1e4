import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { readReferenceIdentity } from '../../../src/trust/reference-identity.js';
import { accepted, byCa, ca, DAY_MS, held, LOCALHOST, leaf, now, policy } from './decide-setup.js';

describe('decide', () => {
  it('trusts an accepted chain with the right name at the right time', () => {
    expect(decide(policy(), accepted(), LOCALHOST, now)).toEqual({
      trusted: true,
      by: 'certificate',
    });
    const chained = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(byCa(), chained, LOCALHOST, now)).toEqual({ trusted: true, by: 'chain' });
  });

  it('judges each certificate by its own bytes, in whatever order they come under one policy', async () => {
    const dayAgo = new Date(now.getTime() - DAY_MS);
    const dates = { notBefore: new Date(now.getTime() - 9 * DAY_MS), notAfter: dayAgo };
    const ended = await heldCertificate(dates);
    const forClients = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const under = checkTrustPolicy({ ca: [held.pem, ended.pem, forClients.pem] });
    const shown = [held, held, ended, forClients, held, forClients, forClients, ended, held];
    const verdicts = shown.map(({ certificate }) => {
      // As each connection makes another object of the same bytes.
      const chain = [new X509Certificate(certificate.raw)];
      const verdict = decide(under, { chain, chainError: null, isWhole: true }, LOCALHOST, now);
      return verdict.trusted ? held : verdict.reason === 'MCP_TLS_EXPIRED' ? ended : forClients;
    });
    expect(verdicts).toEqual(shown);
  });

  it('never trusts where there is no certificate, whatever OpenSSL said', () => {
    const nothing = { chain: [], chainError: null, isWhole: true };
    expect(decide(policy(), nothing, LOCALHOST, now)).toMatchObject({ trusted: false });
  });

  it('refuses another name, and says which names were presented', () => {
    const verdict = decide(policy(), accepted(), readReferenceIdentity('other.example'), now);
    expect(verdict).toMatchObject({
      trusted: false,
      reason: 'MCP_TLS_NAME_MISMATCH',
      expected: 'DNS:other.example',
      presented: expect.stringContaining('DNS:localhost'),
    });
  });

  it('says that a common name is no name, for the certificate that has nothing else', async () => {
    const bare = await heldCertificate({ commonName: '10.0.0.5', san: 'none' });
    const presentation = { chain: [bare.certificate], chainError: null, isWhole: true };
    expect(decide(byCa(), presentation, readReferenceIdentity('10.0.0.5'), now)).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
      presented: expect.stringContaining('CN=10.0.0.5'),
      hint: expect.stringContaining('subjectAltName'),
    });
  });

  it.each([
    ['before it', -2, 'MCP_TLS_NOT_YET_VALID'],
    ['after it', 31, 'MCP_TLS_EXPIRED'],
  ])('holds the validity against the given now: %s', (_when, days, reason) => {
    const then = new Date(now.getTime() + days * DAY_MS);
    expect(decide(policy(), accepted(), LOCALHOST, then)).toMatchObject({ reason });
  });

  it.each([
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'MCP_TLS_SELF_SIGNED'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'MCP_TLS_UNKNOWN_ISSUER'],
    ['CERT_HAS_EXPIRED', 'MCP_TLS_EXPIRED'],
    ['CERT_NOT_YET_VALID', 'MCP_TLS_NOT_YET_VALID'],
    ['INVALID_PURPOSE', 'MCP_TLS_WRONG_USAGE'],
    ['INVALID_CA', 'MCP_TLS_WRONG_USAGE'],
    ['PATH_LENGTH_EXCEEDED', 'MCP_TLS_WRONG_USAGE'],
    ['CERT_SIGNATURE_FAILURE', 'MCP_TLS_CHAIN_REFUSED'],
    ['CERT_REVOKED', 'MCP_TLS_REVOKED'],
    ['key too weak', 'MCP_TLS_WEAK'],
    ['UNSPECIFIED', 'MCP_TLS_CHAIN_REFUSED'],
    ['A_CODE_OF_THE_FUTURE', 'MCP_TLS_CHAIN_REFUSED'],
    ['', 'MCP_TLS_CHAIN_REFUSED'],
    ['constructor', 'MCP_TLS_CHAIN_REFUSED'],
    ['undefined', 'MCP_TLS_CHAIN_REFUSED'],
  ])("takes OpenSSL's %s for %s", (chainError, reason) => {
    const presentation = { chain: [leaf.certificate], chainError, isWhole: true };
    expect(decide(byCa(), presentation, LOCALHOST, now)).toMatchObject({
      trusted: false,
      reason,
      detail: chainError,
    });
  });

  it('distinguishes a chain that ends early from an issuer that nobody knows', async () => {
    const issuerUrls = ['http://ca.example/ca.crt'];
    const corporate = await heldCertificate({ signedBy: ca, issuerUrls });
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const presentation = { chain: [corporate.certificate], chainError, isWhole: true };
    expect(decide(byCa(), presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_INCOMPLETE_CHAIN',
    });
  });

  it('shows expected and presented fingerprints, and no PEM', () => {
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const verdict = decide(
      policy(),
      { chain: [leaf.certificate], chainError, isWhole: true },
      LOCALHOST,
      now,
    );
    expect(verdict).toMatchObject({
      expected: expect.stringContaining(held.fingerprint),
      presented: expect.stringContaining(leaf.fingerprint),
    });
    expect(JSON.stringify(verdict)).not.toContain('BEGIN');
  });

  it.each(['UNABLE_TO_GET_CRL', 'CRL_HAS_EXPIRED', 'CRL_SIGNATURE_FAILURE'])(
    "takes %s for a list's fault only below an anchor; else the stranger comes first",
    (chainError) => {
      const presentation = { chain: [leaf.certificate], chainError, isWhole: true };
      const below = checkTrustPolicy(ca.pem);
      expect(decide(below, presentation, LOCALHOST, now)).toMatchObject({
        reason: 'MCP_TLS_CRL_UNUSABLE',
      });
      expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({
        reason: 'MCP_TLS_UNKNOWN_ISSUER',
      });
    },
  );
});

describe('decide with pins', () => {
  const pinOnly = (more: object = {}) =>
    checkTrustPolicy({ identity: 'pin', pins: [held.spkiPin], ...more });
  const other = readReferenceIdentity('other.example');
  const after = new Date(now.getTime() + 60 * DAY_MS);
  const before = new Date(now.getTime() - 60 * DAY_MS);

  it('asks for the pin in addition to the chain and the name', () => {
    const withCa = checkTrustPolicy({ ca: ca.pem, pins: [held.spkiPin] });
    expect(decide(withCa, accepted(), LOCALHOST, now)).toEqual({
      trusted: true,
      by: 'chain and pin',
    });
    const foreign = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(withCa, foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
      expected: held.spkiPin,
      presented: expect.stringContaining(leaf.spkiPin),
    });
    expect(decide(withCa, accepted(), other, now)).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
    });
    const refused = {
      chain: [held.certificate],
      chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      isWhole: true,
    };
    expect(decide(withCa, refused, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_SELF_SIGNED',
    });
  });

  it("with identity 'pin', asks for the pin alone, and for the validity", () => {
    const refused = {
      chain: [held.certificate],
      chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      isWhole: true,
    };
    expect(decide(pinOnly(), refused, other, now)).toEqual({ trusted: true, by: 'pin' });
    expect(decide(pinOnly(), refused, other, after)).toMatchObject({ reason: 'MCP_TLS_EXPIRED' });
    expect(decide(pinOnly(), refused, other, before)).toMatchObject({
      reason: 'MCP_TLS_NOT_YET_VALID',
    });
    const foreign = { chain: [leaf.certificate], chainError: null, isWhole: true };
    expect(decide(pinOnly(), foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
    expect(
      decide(pinOnly(), { chain: [], chainError: null, isWhole: true }, LOCALHOST, now),
    ).toMatchObject({
      trusted: false,
    });
  });

  it('a pin of an issuer above does not match', () => {
    const pinOfCa = checkTrustPolicy({ ca: ca.pem, pins: [ca.spkiPin] });
    const chain = { chain: [leaf.certificate, ca.certificate], chainError: null, isWhole: true };
    expect(decide(pinOfCa, chain, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
  });

  it('allowExpired excuses the end of an own or pinned certificate, and nothing else', () => {
    const lenient = checkTrustPolicy({
      ca: held.pem,
      pins: [held.spkiPin],
      allowExpired: true,
    });
    const ended = { chain: [held.certificate], chainError: 'CERT_HAS_EXPIRED', isWhole: true };
    expect(decide(lenient, ended, LOCALHOST, after)).toMatchObject({ trusted: true });
    expect(decide(lenient, ended, other, after)).toMatchObject({ reason: 'MCP_TLS_NAME_MISMATCH' });
    expect(decide(lenient, ended, LOCALHOST, before)).toMatchObject({
      reason: 'MCP_TLS_NOT_YET_VALID',
    });
    expect(decide(pinOnly({ allowExpired: true }), ended, other, after)).toMatchObject({
      trusted: true,
    });
  });
});
