import type { HeldCertificate, HeldCertificateOptions } from '../held-certificate-options.js';
import type { Stage, WorkingCheck } from './battery-check.js';
import { type CertificateSetting, certificateCheck } from './certificate-check.js';

const DAY_MS = 86_400_000;
const fromNow = (days: number): Date => new Date(Date.now() + days * DAY_MS);

const AS_GIVEN = 'Pass the certificates of the policy to the TLS library as they are.';
const OPENSSL = 'Leave path building to OpenSSL: it knows more shapes of a chain than one meets.';
const DEFAULTS =
  'Leave cipher suites and signature algorithms at their defaults, at security level 2 and no higher.';

/** Chains of authorities that must be accepted, and anchors in every form. */
export const CHAIN_WORKS: readonly WorkingCheck[] = [
  under('issuer-p384', 'The CA has a key of type p384', { key: 'p384' }, {}, DEFAULTS),
  under('issuer-p521', 'The CA has a key of type p521', { key: 'p521' }, {}, DEFAULTS),
  under('issuer-ed25519', 'The CA has a key of type ed25519', { key: 'ed25519' }, {}, DEFAULTS),
  under('issuer-rsa2048', 'The CA has a key of type rsa2048', { key: 'rsa2048' }, {}, DEFAULTS),
  under('hash-sha384', 'The CA signs over a SHA-384 hash', {}, { hash: 'sha384' }, DEFAULTS),
  under('hash-sha512', 'The CA signs over a SHA-512 hash', {}, { hash: 'sha512' }, DEFAULTS),
  under(
    'no-key-identifiers',
    'Neither CA nor leaf has key identifiers',
    { keyIdentifiers: false },
    { keyIdentifiers: false },
    OPENSSL,
  ),
  under(
    'serial-small',
    'The serial number is 1, for the CA and for the leaf',
    { serialNumber: 1n },
    { serialNumber: 1n },
    OPENSSL,
  ),
  under(
    'validity-long',
    'The CA is valid beyond the year 2050',
    { notAfter: fromNow(40 * 365) },
    {},
    OPENSSL,
  ),
  under(
    'validity-short',
    'The leaf is valid for two hours',
    {},
    { notBefore: fromNow(-1 / 24), notAfter: fromNow(1 / 24) },
    OPENSSL,
  ),
  under(
    'names-mixed',
    'The address is the last of several names',
    {},
    { dns: ['a.battery.example', '*.battery.example'], ip: ['10.0.0.5', '127.0.0.1'] },
    'Look at all names of the certificate.',
  ),
  chain('chain-of-four', 'Two intermediates between leaf and root', OPENSSL, async (stage) => {
    const root = await stage.certificate({ isCa: true });
    const upper = await stage.certificate({ isCa: true, signedBy: root });
    const lower = await stage.certificate({ isCa: true, signedBy: upper });
    const shown = await stage.certificate({ signedBy: lower });
    return { shown, policy: { ca: root.pem } };
  }),
  chain(
    'chain-out-of-order',
    'The server sends the root before the intermediate',
    OPENSSL,
    async (stage) => {
      const { intermediate, leaf, root } = await family(stage);
      const cert = [leaf, root, intermediate].map(({ pem }) => pem).join('');
      return { shown: { cert, key: leaf.keyPem }, policy: { ca: root.pem } };
    },
  ),
  chain(
    'chain-with-stranger',
    'The server sends a certificate that has nothing to do with it, too',
    OPENSSL,
    async (stage) => {
      const { leaf, root } = await family(stage);
      const stranger = await stage.certificate();
      const cert = leaf.chainPem + stranger.pem;
      return { shown: { cert, key: leaf.keyPem }, policy: { ca: root.pem } };
    },
  ),
  chain('anchor-all', 'Root, intermediate and leaf are all anchors', AS_GIVEN, async (stage) => {
    const { intermediate, leaf, root } = await family(stage);
    const ca = [root, intermediate, leaf].map(({ pem }) => pem).join('');
    return { shown: leaf, policy: { ca } };
  }),
  chain(
    'anchor-instead-of-chain',
    'The server sends the leaf only; the intermediate is among the anchors',
    AS_GIVEN,
    async (stage) => {
      const { intermediate, leaf, root } = await family(stage);
      const ca = root.pem + intermediate.pem;
      return { shown: leaf, server: { sendChain: 'leaf' }, policy: { ca } };
    },
  ),
  chain('anchor-twice', 'The anchor stands in the PEM twice', AS_GIVEN, async (stage) => {
    const { leaf, root } = await family(stage);
    return { shown: leaf, policy: { ca: root.pem + root.pem } };
  }),
  chain('anchor-beside-expired', 'Another anchor has expired', AS_GIVEN, async (stage) => {
    const { leaf, root } = await family(stage);
    const expired = await stage.certificate({ isCa: true, notAfter: fromNow(-1 / 24) });
    return { shown: leaf, policy: { ca: expired.pem + root.pem } };
  }),
  certificateCheck({
    id: 'authority-with-names',
    name: 'authority is true, and the CA carries a server name',
    advice: 'Let policy.authority overrule what the names of an anchor suggest.',
    needs: ['authority'],
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true, dns: ['ca.battery.example'] });
      const shown = await stage.certificate({ signedBy: ca });
      return { shown, policy: { ca: ca.pem, authority: true } };
    },
  }),
  certificateCheck({
    id: 'authority-denied-itself',
    name: 'authority is false, and the server shows the anchor itself',
    advice: 'An anchor that is no authority still vouches for itself.',
    needs: ['authority'],
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const shown = await stage.certificate({ signedBy: ca });
      return { shown, policy: { ca: shown.pem, authority: false } };
    },
  }),
  chain('anchor-bytes', 'The anchor is PEM as bytes', AS_GIVEN, async (stage) => {
    const shown = await stage.certificate();
    return { shown, policy: { ca: new TextEncoder().encode(shown.pem) } };
  }),
  chain(
    'anchor-mixed-list',
    'The anchors are a list of PEM and DER',
    'Turn DER into PEM before it is passed on: node:tls takes only PEM as ca.',
    async (stage) => {
      const { leaf, root } = await family(stage);
      const other = await stage.certificate();
      return {
        shown: leaf,
        policy: { ca: [other.pem, new Uint8Array(root.certificate.raw)] },
      };
    },
  ),
  chain(
    'cipher-chacha20',
    'The server speaks one suite of TLS 1.3 only, with ChaCha20',
    DEFAULTS,
    async (stage) => {
      const shown = await stage.certificate();
      const server = { minVersion: 'TLSv1.3', ciphers: 'TLS_CHACHA20_POLY1305_SHA256' } as const;
      return { shown, server, policy: { ca: shown.pem } };
    },
  ),
  chain(
    'cipher-ecdhe-aes',
    'The server speaks one suite of TLS 1.2 only, with AES-GCM',
    DEFAULTS,
    async (stage) => {
      const shown = await stage.certificate();
      const server = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } as const;
      return { shown, server, policy: { ca: shown.pem } };
    },
  ),
];

function chain(
  id: string,
  name: string,
  advice: string,
  arrange: (stage: Stage) => Promise<CertificateSetting>,
): WorkingCheck {
  return certificateCheck({ id, name, advice, arrange });
}

function under(
  id: string,
  name: string,
  ca: HeldCertificateOptions,
  leaf: HeldCertificateOptions,
  advice: string,
): WorkingCheck {
  return chain(id, name, advice, async (stage) => {
    const root = await stage.certificate({ isCa: true, ...ca });
    const shown = await stage.certificate({ signedBy: root, ...leaf });
    return { shown, policy: { ca: root.pem } };
  });
}

async function family(
  stage: Stage,
): Promise<Record<'root' | 'intermediate' | 'leaf', HeldCertificate>> {
  const root = await stage.certificate({ isCa: true });
  const intermediate = await stage.certificate({ isCa: true, signedBy: root });
  return { root, intermediate, leaf: await stage.certificate({ signedBy: intermediate }) };
}
