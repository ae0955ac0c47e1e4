import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import {
  type AnyMcpTlsError,
  explainTlsError,
  formatError,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
} from '../../src/index.js';
import { SITUATIONS } from '../support/situations.js';

/**
 * What people meet at their first mistakes: the class, the code, and a hint that names this library's own way
 * out. `npm run situations` prints them all.
 */

interface Expected {
  readonly of: unknown;
  readonly code: AnyMcpTlsError['code'];
  /** What the message must say, where the code does not. */
  readonly says?: RegExp;
  readonly hint: RegExp;
}

const trust = (code: AnyMcpTlsError['code'], hint: RegExp, says?: RegExp): Expected => ({
  of: TlsTrustError,
  code,
  hint,
  ...(says && { says }),
});
const argument = (hint: RegExp, says?: RegExp): Expected => ({
  of: TlsConfigError,
  code: 'MCP_TLS_INVALID_ARGUMENT',
  hint,
  ...(says && { says }),
});
const certificate = (hint: RegExp, says: RegExp): Expected => ({
  of: TlsConfigError,
  code: 'MCP_TLS_INVALID_CERTIFICATE',
  says,
  hint,
});

const PASTE = /`\{ identity: 'pin', pins: 'sha256\/[\w+/]{43}=' \}`/;
const OPENSSL_P12 = /`openssl pkcs12 -in FILE\.p12 .*-nocerts -nodes -out key\.pem`/;
const MAKE_KEY = /`openssl rand -base64 32`/;

/** `undefined`: it is accepted. */
const EXPECTED: Readonly<Record<string, Expected | undefined>> = {
  'a common name only': trust('MCP_TLS_NAME_MISMATCH', PASTE),
  'an IP address written as a DNS name': trust(
    'MCP_TLS_NAME_MISMATCH',
    /address as a DNS name.*IP:127\.0\.0\.1.*identity: 'pin'.*`serverName` does not help/,
  ),
  'a certificate for other names': trust('MCP_TLS_NAME_MISMATCH', /`serverName` to one.*'pin'/),
  'expired, and trusted': trust(
    'MCP_TLS_EXPIRED',
    /`pins: 'sha256\/[\w+/]{43}=', allowExpired: true`/,
  ),
  'the right pin, and the roots that do not vouch': trust(
    'MCP_TLS_SELF_SIGNED',
    /pin of the policy is met.*`\{ identity: 'pin', pins \}`/,
  ),
  'a pin and nothing else': argument(
    /`\{ identity: 'pin', pins \}`.*`\{ roots: 'default', pins \}`/,
  ),
  'another certificate than the trusted one': trust(
    'MCP_TLS_SELF_SIGNED',
    /renewed it, compare the new fingerprint.*`suggestedPolicy`.*somebody else/,
    /another one than the one that is trusted/,
  ),
  'another certificate with the same key': trust(
    'MCP_TLS_SELF_SIGNED',
    /key of the trusted one.*identity: 'pin', pins: 'sha256\//,
    /another one than the one that is trusted/,
  ),
  'another certificate, of an authority': trust(
    'MCP_TLS_UNKNOWN_ISSUER',
    /`suggestedPolicy`/,
    /issued by an authority, and is another one/,
  ),
  'an authority that carries names': trust('MCP_TLS_UNKNOWN_ISSUER', /`authority: true`/),
  'first contact with a self-signed server': trust(
    'MCP_TLS_SELF_SIGNED',
    /fetchPeerCertificate\(url\).*out of band.*`suggestedPolicy`/,
  ),
  'an OAuth origin with another certificate': trust(
    'MCP_TLS_SELF_SIGNED',
    /another origin.*`origins: \{ 'https:\/\/localhost:\d+': certificate \}`/,
  ),
  'a server that offers only finite-field Diffie-Hellman': {
    of: TlsConnectionError,
    code: 'MCP_TLS_PROTOCOL_MISMATCH',
    says: /in common with this client/,
    hint: /finite-field Diffie-Hellman.*ECDHE/,
  },
  'a proxy that wants NTLM': {
    of: TlsConnectionError,
    code: 'MCP_TLS_PROXY_FAILED',
    says: /407/,
    hint: /offers NTLM, Negotiate only.*`proxy`/,
  },
  'a proxy that wants a password': {
    of: TlsConnectionError,
    code: 'MCP_TLS_PROXY_FAILED',
    says: /407/,
    hint: /proxy\.auth/,
  },
  'a PKCS #12 file as client certificate': certificate(OPENSSL_P12, /found a PKCS #12 file/),
  'a PKCS #12 file as key': argument(OPENSSL_P12, /a PKCS #12 file/),
  'a PKCS #12 file as trust': certificate(OPENSSL_P12, /found a PKCS #12 file/),
  'a PKCS #12 file as trust, in base64': certificate(OPENSSL_P12, /PKCS #12 file in base64/),
  'a path as trust': certificate(/`readFileSync\(path, 'utf8'\)`/, /looks like a path/),
  'a path of Windows as trust': certificate(/`readFileSync\(path, 'utf8'\)`/, /like a path/),
  'a fingerprint as trust': certificate(/`\{ identity: 'pin', pins: '\.\.\.' \}`/, /fingerprint/),
  'a pin as trust': certificate(/`\{ identity: 'pin', pins: '\.\.\.' \}`/, /or a pin/),
  'base64 without its PEM lines as trust': certificate(/BEGIN CERTIFICATE/, /base64 without/),
  'a token with "Bearer " before it': argument(/without 'Bearer '/, /scheme before it/),
  'a token with a line break behind it': argument(/Trim it/, /white space/),
  'a URL without a scheme (fetchPeerCertificate)': argument(/Write https:\/\//, /no scheme/),
  'a URL without a scheme (a transport)': argument(/Write https:\/\//, /no scheme/),
  'an http: URL (a transport)': argument(/use the https: URL/, /not an http: one/),
  'a store key that is unset': argument(/variable set.*openssl rand/, /is undefined: set it/),
  'a store key in hex': argument(/`Buffer\.from\(key, 'hex'\)`/, /in hex/),
  'a passphrase as store key': argument(
    /`\{ id, passphrase, salt \}`.*`createSalt\(\)`/,
    /no base64/,
  ),
  'a store key in quotes': argument(/quotes off/, /in quotes/),
  'a store key with a line break behind it': undefined,
  'a store key of 16 bytes': argument(MAKE_KEY, /base64 of 16 bytes/),
};

it('covers every situation', () => {
  expect(Object.keys(EXPECTED).toSorted()).toEqual(Object.keys(SITUATIONS).toSorted());
  expect(Object.keys(SITUATIONS).length).toBeGreaterThan(30);
});

it.each(Object.entries(SITUATIONS))('%s', async (name, provoke) => {
  const expected = EXPECTED[name];
  const error = await outcome(provoke);
  if (expected === undefined) return expect(error).toBeUndefined();
  const ours = explainTlsError(error);
  if (ours === undefined) throw error ?? new Error('no error');
  expect(ours).toBeInstanceOf(expected.of);
  expect(ours.code).toBe(expected.code);
  expect(ours.hint).toMatch(expected.hint);
  if (expected.says !== undefined) expect(ours.message).toMatch(expected.says);
  expect(ours.refused).toBe(expected.of === TlsTrustError);
  expect(ours.retryable).toBe(false);
  const text = formatError(error);
  expect(text).toContain(ours.hint);
  expect(text.split('\n').length).toBeLessThan(5);
  // What was given by mistake may be a secret, and a path is nobody's business.
  const everything = `${inspect(error, { depth: 8 })}${JSON.stringify(ours)}${text}`;
  expect(everything.replaceAll(/\n +at .*/g, '')).not.toMatch(/sesame|correct horse|weather\.pem/);
});

async function outcome(provoke: () => unknown): Promise<unknown> {
  try {
    await provoke();
    return undefined;
  } catch (error) {
    return error;
  }
}
