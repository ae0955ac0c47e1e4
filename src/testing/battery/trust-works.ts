import type { CertificateKeyType } from '../certificate-keys.js';
import type { HeldCertificate, HeldCertificateOptions } from '../held-certificate-options.js';
import type { Stage, WorkingCheck } from './battery-check.js';
import { certificateCheck as certificate } from './certificate-check.js';
import { addDefaultRoot, fixedDefaultRoots } from './default-roots.js';

const PARTIAL =
  'Set allowPartialTrustChain: true on the secure context, so that any certificate can be an anchor, and not only the first of those with one subject.';
const AS_GIVEN = 'Pass the certificates of the policy to the TLS library as they are.';
const NAMES =
  'Match names with X509Certificate.checkHost and checkIP, which know wildcards, case and both kinds of address.';
const ALGORITHMS =
  'Leave the cipher list, the groups and the signature algorithms at their defaults, at security level 2 and no higher.';

/** Certificates that must be accepted. */
export const TRUST_WORKS: readonly WorkingCheck[] = [
  ...(
    [
      'p256',
      'p384',
      'p521',
      'rsa2048',
      'rsa3072',
      'rsa-pss',
      'ed25519',
    ] satisfies CertificateKeyType[]
  ).map((key) =>
    selfSigned(
      `key-${key}`,
      `A self-signed certificate with a key of type ${key}`,
      { key },
      ALGORITHMS,
    ),
  ),
  selfSigned('self-signed-ca', 'A self-signed certificate that says it is a CA', {
    isCa: true,
    pathLength: 0,
    ip: ['127.0.0.1'],
  }),
  selfSigned('self-signed-no-constraints', 'A self-signed certificate without basicConstraints', {
    basicConstraints: false,
  }),
  selfSigned('self-signed-no-usages', 'A self-signed certificate without any key usage', {
    keyUsages: [],
    extendedKeyUsages: [],
  }),
  selfSigned(
    'self-signed-no-subject',
    'The subject is empty, the names are critical',
    {
      subject: {},
      ip: ['127.0.0.1'],
      san: 'critical',
    },
    NAMES,
  ),
  selfSigned('address-ipv4', 'An IPv4 address as the only name', { ip: ['127.0.0.1'] }, NAMES),
  certificate({
    id: 'address-ipv6',
    name: 'An IPv6 address as the only name',
    advice: NAMES,
    async arrange(stage) {
      const shown = await stage.certificate({ ip: ['::1'] });
      return { shown, server: { host: '::1' }, policy: { ca: shown.pem }, host: '::1' };
    },
  }),
  certificate({
    id: 'name-dns',
    name: 'A DNS name as the only name',
    advice: NAMES,
    async arrange(stage) {
      const shown = await stage.certificate({ dns: ['localhost'] });
      return { shown, policy: { ca: shown.pem }, host: 'localhost' };
    },
  }),
  certificate({
    id: 'name-case',
    name: 'A DNS name in capital letters',
    advice: NAMES,
    async arrange(stage) {
      const shown = await stage.certificate({ dns: ['LocalHost'] });
      return { shown, policy: { ca: shown.pem }, host: 'localhost' };
    },
  }),
  named('server-name', 'serverName instead of the host of the URL', 'mcp.internal', [
    'mcp.internal',
  ]),
  named('wildcard', 'A wildcard for the first label', 'mcp.battery.example', ['*.battery.example']),
  named('name-among-many', 'The last of a hundred names', 'last.battery.example', [
    ...Array.from({ length: 99 }, (_, i) => `n${i}.battery.example`),
    'last.battery.example',
  ]),
  ...(['root', 'intermediate', 'leaf'] as const).map((anchor) =>
    certificate({
      id: `anchor-${anchor}`,
      name: `Leaf and intermediate are sent; the ${anchor} is the anchor`,
      advice: anchor === 'root' ? AS_GIVEN : PARTIAL,
      async arrange(stage) {
        const held = await family(stage);
        return { shown: held.leaf, policy: { ca: held[anchor].pem } };
      },
    }),
  ),
  certificate({
    id: 'anchor-bundle',
    name: 'The right anchor is the last of three in one PEM',
    advice: AS_GIVEN,
    async arrange(stage) {
      const { leaf, root } = await family(stage);
      const others = await Promise.all([stage.certificate(), stage.certificate({ isCa: true })]);
      const ca = [...others, root].map(({ pem }) => pem).join('');
      return { shown: leaf, policy: { ca } };
    },
  }),
  certificate({
    id: 'anchor-list',
    name: 'ca is a list of two',
    advice: AS_GIVEN,
    async arrange(stage) {
      const { leaf, root } = await family(stage);
      const other = await stage.certificate();
      return { shown: leaf, policy: { ca: [other.pem, root.pem] } };
    },
  }),
  ...(['old', 'new'] as const).map((which) =>
    certificate({
      id: `anchor-renewal-${which}`,
      name: `Two anchors with one subject, before and after a renewal; the server shows the ${which} one`,
      advice: PARTIAL,
      async arrange(stage) {
        const [old, fresh] = await stage.twins();
        const shown = which === 'old' ? old : fresh;
        return { shown, policy: { ca: old.pem + fresh.pem } };
      },
    }),
  ),
  certificate({
    id: 'anchor-der',
    name: 'The anchor is DER',
    advice: 'Turn DER into PEM before it is passed on: node:tls takes only PEM as ca.',
    async arrange(stage) {
      const shown = await stage.certificate();
      return { shown, policy: { ca: new Uint8Array(shown.certificate.raw) } };
    },
  }),
  certificate({
    id: 'anchor-crlf',
    name: 'The anchor is a PEM with Windows line ends and text around it',
    advice: AS_GIVEN,
    async arrange(stage) {
      const shown = await stage.certificate();
      const ca = `Certificate of the server\n${shown.pem}`.replaceAll('\n', '\r\n');
      return { shown, policy: { ca } };
    },
  }),
  certificate({
    id: 'chain-with-root',
    name: 'The server sends the root, too',
    advice: AS_GIVEN,
    async arrange(stage) {
      const { leaf, root } = await family(stage);
      const cert = leaf.chainPem + root.pem;
      return { shown: { cert, key: leaf.keyPem }, policy: { ca: root.pem } };
    },
  }),
  certificate({
    id: 'chain-constrained',
    name: 'A CA with path length and name constraints that are kept',
    advice: AS_GIVEN,
    async arrange(stage) {
      const nameConstraints = { permittedDns: ['localhost'] };
      const root = await stage.certificate({ isCa: true, pathLength: 1, nameConstraints });
      const between = await stage.certificate({ isCa: true, pathLength: 0, signedBy: root });
      const shown = await stage.certificate({ signedBy: between, dns: ['localhost'] });
      return { shown, policy: { ca: root.pem }, host: 'localhost' };
    },
  }),
  ...(['TLSv1.2', 'TLSv1.3'] as const).map((version) =>
    certificate({
      id: version.replace('v', '-').toLowerCase(),
      name: `A server that speaks ${version} only`,
      advice: ALGORITHMS,
      async arrange(stage) {
        const shown = await stage.certificate();
        const server = { minVersion: version, maxVersion: version };
        return { shown, server, policy: { ca: shown.pem } };
      },
    }),
  ),
  certificate({
    id: 'min-version-kept',
    name: "minVersion is 'TLSv1.3', and the server speaks it",
    advice: 'Pass policy.minVersion to the connection.',
    needs: ['minVersion'],
    async arrange(stage) {
      const shown = await stage.certificate();
      return { shown, policy: { ca: shown.pem, minVersion: 'TLSv1.3' } };
    },
  }),
  ...(['ca', 'default'] as const).map((by) =>
    certificate({
      id: `roots-default-${by}`,
      name: `roots is 'default', and the server stands under ${by === 'ca' ? "the policy's ca" : 'a default root'}`,
      advice: "With roots: 'default', append the policy's certificates to the default roots.",
      needs: ['roots'],
      alone: true,
      ...(by === 'default' && { hindrance: fixedDefaultRoots }),
      async arrange(stage) {
        const [ca, publicRoot] = await stage.twins({ isCa: true });
        if (by === 'default') await addDefaultRoot(stage, publicRoot);
        const shown = await stage.certificate({ signedBy: by === 'ca' ? ca : publicRoot });
        return { shown, policy: { ca: ca.pem, roots: 'default' } };
      },
    }),
  ),
];

function selfSigned(
  id: string,
  name: string,
  options: HeldCertificateOptions,
  advice = AS_GIVEN,
): WorkingCheck {
  return certificate({
    id,
    name,
    advice,
    async arrange(stage) {
      const shown = await stage.certificate(options);
      return { shown, policy: { ca: shown.pem } };
    },
  });
}

function named(id: string, name: string, serverName: string, dns: readonly string[]): WorkingCheck {
  return certificate({
    id,
    name,
    advice: 'Verify policy.serverName instead of the host of the URL, and pass it as SNI.',
    needs: ['serverName'],
    async arrange(stage) {
      const shown = await stage.certificate({ dns });
      return { shown, policy: { ca: shown.pem, serverName } };
    },
  });
}

async function family(
  stage: Stage,
): Promise<Record<'root' | 'intermediate' | 'leaf', HeldCertificate>> {
  const root = await stage.certificate({ isCa: true });
  const intermediate = await stage.certificate({ isCa: true, signedBy: root });
  return { root, intermediate, leaf: await stage.certificate({ signedBy: intermediate }) };
}
