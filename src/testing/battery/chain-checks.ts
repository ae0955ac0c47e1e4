import type { HeldCertificate } from '../held-certificate-options.js';
import type { TlsServerOptions } from '../tls-server-options.js';
import { type AttackCheck, attack, type CheckText, type Stage } from './battery-check.js';

const HOUR_MS = 3_600_000;
const fromNow = (hours: number): Date => new Date(Date.now() + hours * HOUR_MS);

const VERIFY =
  "Verify the chain on every new connection: rejectUnauthorized: true, with the policy's certificates as the only ca.";
const COMPARE_LEAF =
  'Judge the certificate whose key the server has proved, the first one; the rest of the chain is text that anybody can send.';
const COMPARE_ANCHOR =
  'Where the anchor is a server certificate and no authority, compare it with the leaf, in addition to the verdict of OpenSSL.';
const OPENSSL =
  'Leave path validation to OpenSSL and keep its verdict: rejectUnauthorized: true, and no list of codes that are forgiven.';

/** Attacks by a chain that does not lead to the policy's anchors, or not properly. */
export const CHAIN_CHECKS: readonly AttackCheck[] = [
  chain({
    id: 'impostor-self-signed',
    name: 'A self-signed certificate with the subject and names of the genuine one',
    why: 'What a man in the middle does first: everything but the key can be copied.',
    advice: VERIFY,
    async arrange(stage) {
      const [genuine, impostor] = await stage.twins();
      return { anchor: genuine, shown: impostor };
    },
  }),
  chain({
    id: 'impostor-ca-same-name',
    name: 'A certificate of another CA with the name of the trusted one',
    why: "A name is not an issuer: the signature has to be verified with the anchor's key.",
    advice: VERIFY,
    async arrange(stage) {
      const [ca, otherCa] = await stage.twins({ isCa: true });
      return { anchor: ca, shown: await stage.certificate({ signedBy: otherCa }) };
    },
  }),
  chain({
    id: 'impostor-other-ca',
    name: 'A proper certificate for the right names, of a CA that is not trusted',
    why: 'The policy names the issuers; that another one is well-formed is not enough.',
    advice: VERIFY,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const otherCa = await stage.certificate({ isCa: true });
      return { anchor: ca, shown: await stage.certificate({ signedBy: otherCa }) };
    },
  }),
  chain({
    id: 'impostor-sends-genuine-leaf',
    name: 'An impostor sends the genuine certificate behind its own',
    why: 'A client that looks for a known certificate anywhere in the chain finds it.',
    advice: COMPARE_LEAF,
    async arrange(stage) {
      const [genuine, impostor] = await stage.twins();
      const cert = impostor.pem + genuine.pem;
      return { anchor: genuine, shown: { cert, key: impostor.keyPem } };
    },
  }),
  chain({
    id: 'impostor-sends-genuine-ca',
    name: 'An impostor sends the trusted CA behind a certificate that it did not sign',
    why: 'A chain is held together by signatures, not by names and key ids in one message.',
    advice: COMPARE_LEAF,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const leaf = await stage.certificate({ signedBy: ca, defect: 'foreign-signature' });
      return {
        anchor: ca,
        shown: { cert: leaf.pem + ca.pem, key: leaf.keyPem },
      };
    },
  }),
  chain({
    id: 'intermediate-swapped',
    name: 'The intermediate was swapped for one of the same name with another key',
    why: 'Every link of the chain has to be verified, not only its ends.',
    advice: OPENSSL,
    async arrange(stage) {
      const root = await stage.certificate({ isCa: true });
      const name = { commonName: 'battery intermediate', isCa: true };
      const genuine = await stage.certificate({ ...name, signedBy: root });
      const rogue = await stage.certificate(name);
      // Without key identifiers nothing but the signature distinguishes the two.
      const leaf = await stage.certificate({ signedBy: rogue, keyIdentifiers: false });
      const cert = leaf.pem + genuine.pem;
      return { anchor: root, shown: { cert, key: leaf.keyPem } };
    },
  }),
  chain({
    id: 'intermediate-missing',
    name: 'The intermediate between leaf and root is not sent',
    why: 'Without it nothing ties the leaf to the root; a client may not guess.',
    advice: OPENSSL,
    async arrange(stage) {
      const root = await stage.certificate({ isCa: true });
      const intermediate = await stage.certificate({ isCa: true, signedBy: root });
      const shown = await stage.certificate({ signedBy: intermediate });
      return { anchor: root, shown, server: { sendChain: 'leaf' } };
    },
  }),
  leaf(
    'leaf-expired',
    'The certificate has expired',
    'Keys outlive their owners: an expired certificate may be in the hands of whoever had the machine last.',
    { notAfter: fromNow(-1) },
  ),
  leaf(
    'leaf-not-yet-valid',
    'The certificate is not valid yet',
    'A certificate that was made for later must not work now.',
    { notBefore: fromNow(1) },
  ),
  leaf(
    'leaf-client-only',
    'The certificate is for TLS clients only',
    'Any user with a client certificate of the same CA could pose as the server.',
    { extendedKeyUsages: ['clientAuth'] },
  ),
  leaf(
    'leaf-broken-signature',
    "One bit of the issuer's signature is wrong",
    'The signature has to be verified, not only present.',
    { defect: 'broken-signature' },
  ),
  leaf(
    'leaf-foreign-signature',
    'The certificate names the trusted issuer but was signed by another key',
    'The signature has to be verified with the key of the issuer.',
    { defect: 'foreign-signature' },
  ),
  leaf(
    'leaf-unknown-critical',
    'The certificate has a critical extension that nobody knows',
    'It may say that the certificate is for something else entirely (RFC 5280, section 4.2).',
    { unknownCriticalExtension: true },
  ),
  leaf(
    'leaf-sha1',
    'The signature is over a SHA-1 hash',
    'SHA-1 collides: whoever gets one harmless certificate signed may hold another with the same signature.',
    { hash: 'sha1' },
    'Set the security level where the context is made: tls.DEFAULT_CIPHERS with :@SECLEVEL=2 behind it as ciphers.',
  ),
  leaf(
    'leaf-rsa-1024',
    'The key is RSA with 1024 bits',
    'Such a key can be factored; Node.js 20 and 22 still take it by default.',
    { key: 'rsa1024' },
    'Set the security level where the context is made: tls.DEFAULT_CIPHERS with :@SECLEVEL=2 behind it as ciphers.',
  ),
  chain({
    id: 'ca-expired',
    name: 'The CA above a valid certificate has expired',
    why: 'Trust in an anchor ends with its validity.',
    advice: OPENSSL,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true, notAfter: fromNow(-1) });
      return { anchor: ca, shown: await stage.certificate({ signedBy: ca }) };
    },
  }),
  chain({
    id: 'ca-not-a-ca',
    name: 'A server certificate of the trusted CA has signed another one',
    why: 'Otherwise every server of that CA can make certificates for all others.',
    advice: OPENSSL,
    async arrange(stage) {
      const root = await stage.certificate({ isCa: true });
      const server = await stage.certificate({ signedBy: root });
      return { anchor: root, shown: await stage.certificate({ signedBy: server }) };
    },
  }),
  chain({
    id: 'ca-path-length',
    name: 'There is a CA more than the path length allows',
    why: 'A CA that may sign servers only must not be able to make further CAs.',
    advice: OPENSSL,
    async arrange(stage) {
      const root = await stage.certificate({ isCa: true, pathLength: 0 });
      const further = await stage.certificate({ isCa: true, signedBy: root });
      return { anchor: root, shown: await stage.certificate({ signedBy: further }) };
    },
  }),
  chain({
    id: 'ca-no-sign-usage',
    name: 'The CA in the middle may not sign certificates',
    why: 'The key usage of a CA limits what its key may vouch for.',
    advice: OPENSSL,
    async arrange(stage) {
      const root = await stage.certificate({ isCa: true });
      const usage = { isCa: true, keyUsages: ['cRLSign'] } as const;
      const sub = await stage.certificate({ signedBy: root, ...usage });
      return { anchor: root, shown: await stage.certificate({ signedBy: sub }) };
    },
  }),
  chain({
    id: 'ca-name-constraints',
    name: 'The certificate is for a name that its CA may not sign for',
    why: 'A CA that was trusted for one domain must not vouch for all others.',
    advice: OPENSSL,
    host: 'localhost',
    async arrange(stage) {
      const nameConstraints = { permittedDns: ['battery.example'] };
      const root = await stage.certificate({ isCa: true, nameConstraints });
      return {
        anchor: root,
        shown: await stage.certificate({ signedBy: root, dns: ['localhost'] }),
      };
    },
  }),
  chain({
    id: 'anchor-not-a-ca',
    name: 'The key of a self-signed server certificate, the anchor, has signed another one',
    why: 'A server certificate that is trusted as it is must not become a CA.',
    advice: OPENSSL,
    async arrange(stage) {
      const anchor = await stage.certificate();
      return { anchor, shown: await stage.certificate({ signedBy: anchor }) };
    },
  }),
  chain({
    id: 'anchor-server-ca',
    name: 'The anchor is a server certificate that says CA:TRUE, and its key has signed another one',
    why: 'openssl req -x509 makes such certificates: whoever gets the key of one server could pose as any other.',
    advice: COMPARE_ANCHOR,
    async arrange(stage) {
      const anchor = await stage.certificate({ isCa: true, ip: ['127.0.0.1'] });
      return { anchor, shown: await stage.certificate({ signedBy: anchor }) };
    },
  }),
  attack('chain', {
    id: 'authority-denied',
    name: 'authority is false, and the server shows what the anchor has signed',
    why: 'A policy can say that it trusts these certificates and no others.',
    advice: COMPARE_ANCHOR,
    needs: ['authority'],
    async arrange(stage) {
      const anchor = await stage.certificate({ isCa: true });
      const certificate = await stage.certificate({ signedBy: anchor });
      const policy = { ca: anchor.pem, authority: false };
      return { victim: await stage.server({ certificate }), policy };
    },
  }),
  chain({
    id: 'anchor-sibling',
    name: 'The anchor is a leaf, and the server shows another leaf of the same CA',
    why: 'Trust in one server is not trust in its CA.',
    advice: VERIFY,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const [anchor, shown] = await stage.twins({ signedBy: ca });
      return { anchor, shown };
    },
  }),
];

interface ChainSetting {
  readonly anchor: HeldCertificate;
  readonly shown: TlsServerOptions['certificate'];
  readonly server?: Partial<TlsServerOptions>;
}
type ChainInput = CheckText & {
  readonly arrange: (stage: Stage) => Promise<ChainSetting>;
  readonly host?: string;
};

function chain({ arrange, host = '127.0.0.1', ...text }: ChainInput): AttackCheck {
  return attack('chain', {
    ...text,
    async arrange(stage) {
      const { anchor, server, shown } = await arrange(stage);
      const victim = await stage.server({ certificate: shown, ...server });
      const policyUrl = victim.urlFor(host, '/mcp');
      return { victim, policy: { ca: anchor.pem }, policyUrl };
    },
  });
}

function leaf(
  id: string,
  name: string,
  why: string,
  options: Parameters<Stage['certificate']>[0],
  advice = OPENSSL,
): AttackCheck {
  return chain({
    id,
    name,
    why,
    advice,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      return { anchor: ca, shown: await stage.certificate({ signedBy: ca, ...options }) };
    },
  });
}
