import { beforeAll, describe, expect, it } from 'vitest';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import { decide } from '../../../src/trust/decide.js';
import { readReferenceIdentity } from '../../../src/trust/reference-identity.js';

const LOCALHOST = readReferenceIdentity('localhost');
const DAY_MS = 86_400_000;
const now = new Date();

let held: HeldCertificate;
let ca: HeldCertificate;
let leaf: HeldCertificate;

beforeAll(async () => {
  held = await heldCertificate();
  ca = await heldCertificate({ ca: true });
  leaf = await heldCertificate({ signedBy: ca });
});

const policy = () => checkTrustPolicy(held.certificatePem);
const accepted = () => ({ chain: [held.certificate], chainError: null });

describe('decide', () => {
  it('trusts an accepted chain with the right name at the right time', () => {
    expect(decide(policy(), accepted(), LOCALHOST, now)).toEqual({ trusted: true, by: 'chain' });
  });

  it('never trusts where there is no certificate, whatever OpenSSL said', () => {
    const nothing = { chain: [], chainError: null };
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
    const presentation = { chain: [bare.certificate], chainError: null };
    expect(decide(policy(), presentation, readReferenceIdentity('10.0.0.5'), now)).toMatchObject({
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
    ['UNABLE_TO_GET_CRL', 'MCP_TLS_CRL_UNUSABLE'],
    ['CRL_HAS_EXPIRED', 'MCP_TLS_CRL_UNUSABLE'],
    ['key too weak', 'MCP_TLS_WEAK'],
    ['UNSPECIFIED', 'MCP_TLS_CHAIN_REFUSED'],
    ['A_CODE_OF_THE_FUTURE', 'MCP_TLS_CHAIN_REFUSED'],
    ['', 'MCP_TLS_CHAIN_REFUSED'],
    ['constructor', 'MCP_TLS_CHAIN_REFUSED'],
    ['undefined', 'MCP_TLS_CHAIN_REFUSED'],
  ])("takes OpenSSL's %s for %s", (chainError, reason) => {
    const presentation = { chain: [leaf.certificate], chainError };
    expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({
      trusted: false,
      reason,
      detail: chainError,
    });
  });

  it('tells a chain that ends early from an issuer that nobody knows', async () => {
    const issuerUrls = ['http://ca.example/ca.crt'];
    const corporate = await heldCertificate({ signedBy: ca, issuerUrls });
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const presentation = { chain: [corporate.certificate], chainError };
    expect(decide(policy(), presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_INCOMPLETE_CHAIN',
    });
  });

  it('shows expected and presented fingerprints, and no PEM', () => {
    const chainError = 'UNABLE_TO_VERIFY_LEAF_SIGNATURE';
    const verdict = decide(policy(), { chain: [leaf.certificate], chainError }, LOCALHOST, now);
    expect(verdict).toMatchObject({
      expected: expect.stringContaining(held.fingerprint256),
      presented: expect.stringContaining(leaf.fingerprint256),
    });
    expect(JSON.stringify(verdict)).not.toContain('BEGIN');
  });
});
