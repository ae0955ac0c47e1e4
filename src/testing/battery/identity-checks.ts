import type { HeldCertificateOptions } from '../held-certificate-options.js';
import { type AttackCheck, attack, type CheckText } from './battery-check.js';

const SHOWS =
  'One issuer signs for many names: without the name check, the owner of any of them can pose as this server.';
const VERIFY_NAMES =
  'Verify the name on every new connection, against subjectAltName only: rejectUnauthorized: true, and a checkServerIdentity that is never replaced by one that accepts.';
const NO_FALLBACK =
  'Do not look at the common name (RFC 9525, section 2): Node.js falls back to it unless a checkServerIdentity of your own calls X509Certificate.checkHost(name, { subject: "never" }).';
const OWN_MATCHER =
  'Leave name matching to X509Certificate.checkHost or tls.checkServerIdentity; compare whole names, never parts of them.';

/** Attacks by a certificate of a trusted issuer that is for somebody else. */
export const IDENTITY_CHECKS: readonly AttackCheck[] = [
  wrongName('name-other', 'The certificate is for another host name', VERIFY_NAMES, {
    dns: ['other.example'],
  }),
  wrongName('name-common-name-only', 'Only the common name fits; there are no SANs', NO_FALLBACK, {
    commonName: 'localhost',
    san: 'none',
  }),
  wrongName(
    'name-common-name-beside-san',
    'The common name fits, but the SANs name another host',
    NO_FALLBACK,
    { commonName: 'localhost', dns: ['other.example'] },
  ),
  wrongName(
    'name-uri-only',
    'The host occurs in a URI name only',
    'Match host names against DNS names, not against URIs of the certificate.',
    { uri: ['https://localhost/'] },
  ),
  wrongName(
    'name-with-nul',
    'The name goes on after a NUL character',
    'Do not cut names at NUL. Node.js escapes such names; compare what it gives as a whole.',
    { dns: ['localhost\0.attacker.example'] },
  ),
  wrongName('name-longer', "The host's name is only the beginning of the name", OWN_MATCHER, {
    dns: ['localhost.attacker.example'],
  }),
  wrongAddress('address-other', 'The certificate is for another IP address', VERIFY_NAMES, {
    ip: ['10.0.0.5'],
  }),
  wrongAddress(
    'address-as-dns',
    'The IP address stands in a DNS name',
    'An IP address must match an IP name of the certificate (RFC 9525, section 6.5): use X509Certificate.checkIP.',
    { dns: ['127.0.0.1'] },
  ),
  wrongAddress(
    'address-common-name-only',
    'The IP address stands in the common name only',
    NO_FALLBACK,
    { commonName: '127.0.0.1', san: 'none' },
  ),
  wrongServerName(
    'wildcard-two-labels',
    'A wildcard is asked to cover two labels',
    'A wildcard stands for exactly one label (RFC 9525, section 6.3).',
    'one.two.battery.example',
    ['*.battery.example'],
  ),
  wrongServerName(
    'wildcard-no-label',
    'A wildcard is asked to cover the bare domain',
    'A wildcard stands for exactly one label (RFC 9525, section 6.3).',
    'battery.example',
    ['*.battery.example'],
  ),
  wrongServerName(
    'wildcard-partial',
    'A wildcard is only part of a label',
    'Refuse partial wildcards (RFC 9525, section 6.3): Node.js takes them unless X509Certificate.checkHost is called with { partialWildcards: false }.',
    'mcp.battery.example',
    ['m*.battery.example'],
  ),
  wrongServerName(
    'wildcard-bare',
    'The name is a wildcard for everything',
    OWN_MATCHER,
    'localhost',
    ['*'],
  ),
  wrongServerName(
    'wildcard-inside',
    'The wildcard is not the first label',
    'Take wildcards as the whole first label only (RFC 9525, section 6.3).',
    'mcp.one.battery.example',
    ['mcp.*.battery.example'],
  ),
  wrongServerName(
    'name-parent-domain',
    'The certificate is for the parent domain',
    OWN_MATCHER,
    'mcp.battery.example',
    ['battery.example'],
  ),
  attack('identity', {
    id: 'server-name-ignored',
    name: "The certificate carries the URL's host but not the policy's serverName",
    why: 'The name that the policy demands replaces the host of the URL; it does not add to it.',
    advice: 'Verify policy.serverName where it is given, and only that; pass it as SNI too.',
    needs: ['serverName'],
    async arrange(stage) {
      const certificate = await stage.certificate();
      const victim = await stage.server({ certificate });
      return { victim, policy: { ca: certificate.pem, serverName: 'mcp.internal' } };
    },
  }),
  attack('identity', {
    id: 'host-header',
    name: 'The host header of the request names the host that the certificate is for',
    subject: 'fetch',
    why: 'Whoever controls a header of a request must not choose the name that TLS verifies. undici takes it from there.',
    advice:
      'Take the name from the URL: give the connector its own servername, or refuse a host header.',
    async arrange(stage) {
      const certificate = await stage.certificate({ dns: ['other.example'] });
      const victim = await stage.server({ certificate });
      const headers = { host: 'other.example', 'x-api-key': 'battery-canary' };
      return { victim, policy: { ca: certificate.pem }, request: { headers } };
    },
  }),
];

type Text = Omit<CheckText, 'why'>;

function wrongName(
  id: string,
  name: string,
  advice: string,
  names: HeldCertificateOptions,
): AttackCheck {
  return wrongIdentity({ id, name, advice }, names, 'localhost');
}

function wrongAddress(
  id: string,
  name: string,
  advice: string,
  names: HeldCertificateOptions,
): AttackCheck {
  return wrongIdentity({ id, name, advice }, names, '127.0.0.1');
}

function wrongIdentity(text: Text, names: HeldCertificateOptions, host: string): AttackCheck {
  return attack('identity', {
    ...text,
    why: SHOWS,
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const certificate = await stage.certificate({ signedBy: ca, ...names });
      const victim = await stage.server({ certificate });
      const policyUrl = victim.urlFor(host, '/mcp');
      return { victim, policy: { ca: ca.pem }, policyUrl };
    },
  });
}

function wrongServerName(
  id: string,
  name: string,
  advice: string,
  serverName: string,
  dns: readonly string[],
): AttackCheck {
  return attack('identity', {
    id,
    name,
    why: SHOWS,
    advice,
    needs: ['serverName'],
    async arrange(stage) {
      const ca = await stage.certificate({ isCa: true });
      const certificate = await stage.certificate({ signedBy: ca, dns });
      const victim = await stage.server({ certificate });
      return { victim, policy: { ca: ca.pem, serverName } };
    },
  });
}
