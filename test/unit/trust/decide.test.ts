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

  it.each(['UNABLE_TO_GET_CRL', 'CRL_HAS_EXPIRED', 'CRL_SIGNATURE_FAILURE'])(
    "takes %s for a list's fault only below an anchor; else the stranger comes first",
    (chainError) => {
      const presentation = { chain: [leaf.certificate], chainError };
      const below = checkTrustPolicy(ca.certificatePem);
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
  const pinned = (more: object = {}) => checkTrustPolicy({ pins: [held.spkiPin], ...more });
  const pinOnly = (more: object = {}) => pinned({ identity: 'pin', ...more });
  const other = readReferenceIdentity('other.example');
  const after = new Date(now.getTime() + 60 * DAY_MS);
  const before = new Date(now.getTime() - 60 * DAY_MS);

  it('asks for the pin besides the chain and the name', () => {
    const withCa = checkTrustPolicy({ ca: ca.certificatePem, pins: [held.spkiPin] });
    expect(decide(withCa, accepted(), LOCALHOST, now)).toEqual({
      trusted: true,
      by: 'chain and pin',
    });
    const foreign = { chain: [leaf.certificate], chainError: null };
    expect(decide(withCa, foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
      expected: held.spkiPin,
      presented: expect.stringContaining(leaf.spkiPin),
    });
    expect(decide(withCa, accepted(), other, now)).toMatchObject({
      reason: 'MCP_TLS_NAME_MISMATCH',
    });
    const refused = { chain: [held.certificate], chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT' };
    expect(decide(withCa, refused, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_SELF_SIGNED',
    });
  });

  it("with identity 'pin', asks for the pin alone, and for the validity", () => {
    const refused = { chain: [held.certificate], chainError: 'DEPTH_ZERO_SELF_SIGNED_CERT' };
    expect(decide(pinOnly(), refused, other, now)).toEqual({ trusted: true, by: 'pin' });
    expect(decide(pinOnly(), refused, other, after)).toMatchObject({ reason: 'MCP_TLS_EXPIRED' });
    expect(decide(pinOnly(), refused, other, before)).toMatchObject({
      reason: 'MCP_TLS_NOT_YET_VALID',
    });
    const foreign = { chain: [leaf.certificate], chainError: null };
    expect(decide(pinOnly(), foreign, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
    expect(decide(pinOnly(), { chain: [], chainError: null }, LOCALHOST, now)).toMatchObject({
      trusted: false,
    });
  });

  it('a pin of an issuer above does not match', () => {
    const pinOfCa = checkTrustPolicy({ ca: ca.certificatePem, pins: [ca.spkiPin] });
    const chain = { chain: [leaf.certificate, ca.certificate], chainError: null };
    expect(decide(pinOfCa, chain, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_PIN_MISMATCH',
    });
  });

  it('allowExpired excuses the end and nothing else', () => {
    const lenient = checkTrustPolicy({
      ca: held.certificatePem,
      pins: [held.spkiPin],
      allowExpired: true,
    });
    const ended = (chainError: string | null) => ({ chain: [held.certificate], chainError });
    const judge = (chainError: string | null, name = LOCALHOST, when = after) =>
      decide(lenient, ended(chainError), name, when);
    expect(judge('CERT_HAS_EXPIRED')).toMatchObject({ trusted: true });
    expect(judge('CERT_REVOKED')).toMatchObject({ trusted: false });
    expect(judge('INVALID_PURPOSE')).toMatchObject({ trusted: false });
    expect(judge('CERT_HAS_EXPIRED', other)).toMatchObject({ reason: 'MCP_TLS_NAME_MISMATCH' });
    expect(judge(null, LOCALHOST, before)).toMatchObject({ reason: 'MCP_TLS_NOT_YET_VALID' });
    expect(decide(pinOnly({ allowExpired: true }), ended('x'), other, after)).toMatchObject({
      trusted: true,
    });
  });
});

describe("decide and a server's own certificate", () => {
  it('does not let it vouch for what its key signed, even where OpenSSL does', async () => {
    const own = await heldCertificate({ ca: true, dns: ['localhost'] });
    const rogue = await heldCertificate({ signedBy: own });
    const presentation = { chain: [rogue.certificate, own.certificate], chainError: null };
    const byDefault = checkTrustPolicy(own.certificatePem);
    expect(decide(byDefault, presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_UNKNOWN_ISSUER',
      message: expect.stringContaining('not as an authority'),
    });
    const itself = { chain: [own.certificate], chainError: null };
    expect(decide(byDefault, itself, LOCALHOST, now)).toMatchObject({ trusted: true });
    const authority = checkTrustPolicy({ ca: own.certificatePem, authority: true });
    expect(decide(authority, presentation, LOCALHOST, now)).toMatchObject({ trusted: true });
  });

  it('with authority: false, takes exactly these certificates', () => {
    const exact = checkTrustPolicy({ ca: ca.certificatePem, authority: false });
    const presentation = { chain: [leaf.certificate], chainError: null };
    expect(decide(exact, presentation, LOCALHOST, now)).toMatchObject({
      reason: 'MCP_TLS_UNKNOWN_ISSUER',
    });
  });
});
