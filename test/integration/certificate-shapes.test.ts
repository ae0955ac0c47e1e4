import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, makeCustomClientFactory, type TrustInput } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';

/**
 * Certificates and servers of every shape that was seen in the wild, each behind a real server on
 * 127.0.0.1, asked by a client of ours: accepted, or refused with which code. Where refused, the
 * server must not have seen one byte of the request.
 */

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

interface Setting {
  /** The server's. */
  readonly server: HeldCertificate;
  readonly trust: TrustInput;
  /** In the URL. Default 127.0.0.1. */
  readonly host?: string;
  readonly options?: Partial<Parameters<typeof startTlsServer>[0]>;
}

interface Shape {
  readonly name: string;
  readonly expected: 'accepted' | `MCP_TLS_${string}`;
  readonly make: () => Promise<Setting>;
}

const selfSigned = (
  name: string,
  expected: Shape['expected'],
  options: Parameters<typeof heldCertificate>[0],
  more: Partial<Setting> = {},
): Shape => ({
  name: `self-signed, its own anchor: ${name}`,
  expected,
  async make() {
    const server = await heldCertificate(options);
    return { server, trust: server.pem, ...more };
  },
});

/** A root, an intermediate below it, and a leaf below that. */
async function family(leafOptions: Parameters<typeof heldCertificate>[0] = {}) {
  const root = await heldCertificate({ isCa: true });
  const intermediate = await heldCertificate({ isCa: true, signedBy: root });
  const leaf = await heldCertificate({ signedBy: intermediate, ...leafOptions });
  return { root, intermediate, leaf };
}

const SHAPES: readonly Shape[] = [
  {
    name: 'self-signed, with an empty subject, not an anchor',
    expected: 'MCP_TLS_SELF_SIGNED',
    async make() {
      return { server: await heldCertificate({ subject: {} }), trust: null };
    },
  },
  selfSigned('plain', 'accepted', {}),
  selfSigned('CA:TRUE', 'accepted', { isCa: true, dns: ['localhost'], ip: ['127.0.0.1'] }),
  selfSigned('CA:TRUE, path length 0', 'accepted', {
    isCa: true,
    pathLength: 0,
    ip: ['127.0.0.1'],
  }),
  selfSigned('CA:FALSE with keyCertSign', 'accepted', {
    keyUsages: ['digitalSignature', 'keyCertSign'],
  }),
  selfSigned('no basicConstraints', 'accepted', { basicConstraints: false }),
  selfSigned('no key usage, no extended key usage', 'accepted', {
    keyUsages: [],
    extendedKeyUsages: [],
  }),
  selfSigned('RSA 2048', 'accepted', { key: 'rsa2048' }),
  selfSigned('P-384', 'accepted', { key: 'p384' }),
  selfSigned('P-521', 'accepted', { key: 'p521' }),
  selfSigned('Ed25519', 'accepted', { key: 'ed25519' }),
  // Node 20's OpenSSL offers no brainpool group. On 24 and 26 Node.js's own look at such a
  // certificate, for checkServerIdentity, would crash the process.
  selfSigned(
    'brainpoolP256r1',
    Number(process.versions.node.split('.')[0]) < 22 ? 'MCP_TLS_PROTOCOL_MISMATCH' : 'accepted',
    { key: 'brainpoolP256r1' },
  ),
  selfSigned('IPv4 only', 'accepted', { ip: ['127.0.0.1'] }),
  selfSigned(
    'DNS only, asked for by name',
    'accepted',
    { dns: ['localhost'] },
    { host: 'localhost' },
  ),
  selfSigned(
    'IPv6 address',
    'accepted',
    { ip: ['::1'] },
    { host: '::1', options: { host: '::1' } },
  ),
  selfSigned(
    'wildcard',
    'MCP_TLS_NAME_MISMATCH',
    { dns: ['*.example.com'] },
    { host: 'localhost' },
  ),
  selfSigned('TLS 1.2 server', 'accepted', {}, { options: { maxVersion: 'TLSv1.2' } }),
  selfSigned('TLS 1.3 server', 'accepted', {}, { options: { minVersion: 'TLSv1.3' } }),
  selfSigned('empty subject', 'accepted', { subject: {} }),
  selfSigned('expired', 'MCP_TLS_EXPIRED', {
    notBefore: daysFromNow(-2),
    notAfter: daysFromNow(-1),
  }),
  selfSigned('not yet valid', 'MCP_TLS_NOT_YET_VALID', { notBefore: daysFromNow(1) }),
  selfSigned('for another name', 'MCP_TLS_NAME_MISMATCH', { dns: ['other.example'] }),
  selfSigned('for another address', 'MCP_TLS_NAME_MISMATCH', { ip: ['10.0.0.5'] }),
  selfSigned('address as DNS name', 'MCP_TLS_NAME_MISMATCH', { dns: ['127.0.0.1'] }),
  selfSigned('common name only', 'MCP_TLS_NAME_MISMATCH', {
    commonName: '127.0.0.1',
    san: 'none',
  }),
  selfSigned(
    'version 1 (no names)',
    'MCP_TLS_NAME_MISMATCH',
    { commonName: 'localhost', version: 1 },
    { host: 'localhost' },
  ),
  selfSigned('clientAuth only', 'MCP_TLS_WRONG_USAGE', { extendedKeyUsages: ['clientAuth'] }),
  selfSigned(
    'TLS 1.1 server',
    'MCP_TLS_PROTOCOL_MISMATCH',
    {},
    {
      options: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    },
  ),
  {
    name: 'another name by trust.serverName',
    expected: 'accepted',
    async make() {
      const server = await heldCertificate({ dns: ['mcp.internal'] });
      return { server, trust: { ca: server.pem, serverName: 'mcp.internal' } };
    },
  },
  {
    name: 'trust.serverName that the certificate does not carry',
    expected: 'MCP_TLS_NAME_MISMATCH',
    async make() {
      const server = await heldCertificate();
      return { server, trust: { ca: server.pem, serverName: 'mcp.internal' } };
    },
  },
  {
    name: 'TLS 1.2 server under minVersion TLSv1.3',
    expected: 'MCP_TLS_PROTOCOL_MISMATCH',
    async make() {
      const server = await heldCertificate();
      const trust = { ca: server.pem, minVersion: 'TLSv1.3' } as const;
      return { server, trust, options: { maxVersion: 'TLSv1.2' } };
    },
  },
  {
    name: 'self-signed under the default roots',
    expected: 'MCP_TLS_SELF_SIGNED',
    make: async () => ({ server: await heldCertificate(), trust: null }),
  },
  {
    name: 'self-signed, the anchor is another',
    expected: 'MCP_TLS_SELF_SIGNED',
    async make() {
      const other = await heldCertificate();
      return { server: await heldCertificate(), trust: other.pem };
    },
  },
  {
    name: 'impostor: the same names, another key',
    expected: 'MCP_TLS_SELF_SIGNED',
    async make() {
      const genuine = await heldCertificate({ commonName: 'mcp' });
      return {
        server: await heldCertificate({ commonName: 'mcp' }),
        trust: genuine.pem,
      };
    },
  },
  {
    name: 'renewed with the same key, the anchor is the old one',
    expected: 'MCP_TLS_SELF_SIGNED',
    async make() {
      const old = await heldCertificate();
      return { server: await heldCertificate({ renewFrom: old }), trust: old.pem };
    },
  },
  {
    name: 'old and renewed certificate both anchors, one subject',
    expected: 'accepted',
    async make() {
      const old = await heldCertificate({ commonName: 'mcp' });
      const server = await heldCertificate({ commonName: 'mcp' });
      return { server, trust: old.pem + server.pem };
    },
  },
  {
    name: 'its own anchor among the default roots',
    expected: 'accepted',
    async make() {
      const server = await heldCertificate();
      return { server, trust: { ca: server.pem, roots: 'default' } };
    },
  },
  {
    name: 'private CA: leaf and intermediate sent, the root is the anchor',
    expected: 'accepted',
    async make() {
      const { root, leaf } = await family();
      return { server: leaf, trust: root.pem };
    },
  },
  {
    name: 'private CA: the intermediate is the anchor',
    expected: 'accepted',
    async make() {
      const { intermediate, leaf } = await family();
      return { server: leaf, trust: intermediate.pem };
    },
  },
  {
    name: 'private CA: the leaf is the anchor',
    expected: 'accepted',
    async make() {
      const { leaf } = await family();
      return { server: leaf, trust: leaf.pem };
    },
  },
  {
    name: 'private CA under the default roots',
    expected: 'MCP_TLS_UNKNOWN_ISSUER',
    make: async () => ({ server: (await family()).leaf, trust: null }),
  },
  {
    name: 'private CA: the root of another family is the anchor',
    expected: 'MCP_TLS_UNKNOWN_ISSUER',
    async make() {
      const [ours, theirs] = [await family(), await family()];
      return { server: theirs.leaf, trust: ours.root.pem };
    },
  },
  {
    name: 'private CA: a sibling leaf is the anchor',
    expected: 'MCP_TLS_UNKNOWN_ISSUER',
    async make() {
      const { intermediate, leaf } = await family();
      const sibling = await heldCertificate({ signedBy: intermediate });
      return { server: leaf, trust: sibling.pem };
    },
  },
  {
    name: 'intermediate not sent, and the leaf says where it is',
    expected: 'MCP_TLS_INCOMPLETE_CHAIN',
    async make() {
      const { root, leaf } = await family({ issuerUrls: ['http://ca.example/i.crt'] });
      return { server: leaf, trust: root.pem, options: { sendChain: 'leaf' } };
    },
  },
  {
    name: 'expired root above a good leaf',
    expected: 'MCP_TLS_EXPIRED',
    async make() {
      const root = await heldCertificate({ isCa: true, notAfter: daysFromNow(-0.5) });
      return { server: await heldCertificate({ signedBy: root }), trust: root.pem };
    },
  },
  {
    name: 'leaf signed by a certificate that is no CA',
    expected: 'MCP_TLS_WRONG_USAGE',
    async make() {
      const { root } = await family();
      const noCa = await heldCertificate({ signedBy: root, keyUsages: [] });
      return { server: await heldCertificate({ signedBy: noCa }), trust: root.pem };
    },
  },
  {
    name: 'leaf signed by a CA that may not sign certificates',
    expected: 'MCP_TLS_CHAIN_REFUSED',
    async make() {
      const { root } = await family();
      const ca = await heldCertificate({ isCa: true, signedBy: root, keyUsages: ['cRLSign'] });
      return { server: await heldCertificate({ signedBy: ca }), trust: root.pem };
    },
  },
  {
    name: 'RSA key of 1024 bits',
    expected: 'MCP_TLS_WEAK',
    async make() {
      const server = await heldCertificate({ key: 'rsa1024' });
      return { server, trust: server.pem, options: { ciphers: 'DEFAULT@SECLEVEL=0' } };
    },
  },
  {
    name: 'SHA-1 signature of a CA',
    expected: 'MCP_TLS_WEAK',
    async make() {
      const root = await heldCertificate({ isCa: true });
      const server = await heldCertificate({ signedBy: root, hash: 'sha1' });
      const options = { ciphers: 'DEFAULT@SECLEVEL=0' };
      return { server, trust: root.pem, options };
    },
  },
  {
    name: 'path length exceeded',
    expected: 'MCP_TLS_WRONG_USAGE',
    async make() {
      const root = await heldCertificate({ isCa: true, pathLength: 0 });
      const intermediate = await heldCertificate({ isCa: true, signedBy: root });
      const server = await heldCertificate({ signedBy: intermediate });
      return { server, trust: root.pem };
    },
  },
  {
    name: 'name constraints of the CA violated',
    expected: 'MCP_TLS_CHAIN_REFUSED',
    async make() {
      const nameConstraints = { permittedDns: ['example.com'] };
      const root = await heldCertificate({ isCa: true, nameConstraints });
      const server = await heldCertificate({ signedBy: root, dns: ['localhost'] });
      return { server, trust: root.pem, host: 'localhost' };
    },
  },
  {
    name: 'broken signature of a CA-signed leaf',
    expected: 'MCP_TLS_CHAIN_REFUSED',
    async make() {
      const root = await heldCertificate({ isCa: true });
      const server = await heldCertificate({ signedBy: root, defect: 'broken-signature' });
      return { server, trust: root.pem };
    },
  },
  {
    name: 'unknown critical extension in the leaf',
    expected: 'MCP_TLS_CHAIN_REFUSED',
    async make() {
      const root = await heldCertificate({ isCa: true });
      const server = await heldCertificate({ signedBy: root, unknownCriticalExtension: true });
      return { server, trust: root.pem };
    },
  },
];

describe(`${SHAPES.length} shapes`, () => {
  const seen: string[] = [];
  beforeAll(() => {
    expect(SHAPES.length).toBeGreaterThanOrEqual(30);
  });
  afterAll(() => {
    console.log(seen.join('\n'));
  });

  it.each(SHAPES)('$name: $expected', async ({ name, expected, make }) => {
    const { server: certificate, trust, host = '127.0.0.1', options } = await make();
    await using server = await startTlsServer({ certificate, ...options });
    const factory = makeCustomClientFactory(trust);
    try {
      const got = await ask(factory(), server.urlFor(host, '/secret'));
      const bytes = server.records.applicationBytes;
      seen.push(`${got.padEnd(30)} ${String(bytes).padStart(4)} B  ${name}`);
      expect(got).toBe(expected);
      if (expected === 'accepted') expect(bytes).toBeGreaterThan(0);
      else expect(bytes).toBe(0);
    } finally {
      await factory.close();
    }
  });
});

async function ask(fetch: typeof globalThis.fetch, url: string): Promise<string> {
  try {
    const response = await fetch(url, { headers: { 'x-secret': 'not for everybody' } });
    await response.text();
    return response.ok ? 'accepted' : `HTTP ${response.status}`;
  } catch (error) {
    const ours = explainTlsError(error);
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toContain(ours?.message ?? 'one of ours');
    return ours?.code ?? String(error);
  }
}
