import type { HeldCertificate } from '../held-certificate-options.js';
import { type AttackCheck, attack } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';

const READ_FIRST =
  'Parse every certificate of the policy when the client is made, and throw if one is empty, damaged or no certificate; node:tls takes an empty ca as "the default roots" and skips what it cannot read.';

/**
 * Policies that are damaged. The client must throw when it is made, or reject before it opens a
 * connection: a client that connects has taken something else for its trust.
 */
export const CONFIGURATION_CHECKS: readonly AttackCheck[] = [
  broken('ca-empty', 'ca is an empty string', () => ({ ca: '' })),
  broken('ca-empty-bytes', 'ca has no bytes', () => ({ ca: new Uint8Array() })),
  broken('ca-empty-list', 'ca is an empty list', () => ({ ca: [] })),
  broken('ca-blank', 'ca is a line break', () => ({ ca: '\n' })),
  broken('ca-undefined', 'ca is there and undefined, as an unset variable is', () => ({
    ca: undefined as unknown as string,
  })),
  broken('ca-garbage', 'ca is text that is no certificate', () => ({ ca: 'not a certificate' })),
  broken('ca-truncated', 'The certificate is cut off in the middle', (held) => ({
    ca: held.pem.slice(0, held.pem.length / 2),
  })),
  broken('ca-good-then-broken', 'A damaged certificate follows a good one', (held) => ({
    ca: `${held.pem}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
  })),
  broken('ca-private-key', 'ca holds a private key instead of a certificate', (held) => ({
    ca: held.keyPem,
  })),
  broken('ca-and-private-key', 'ca holds the certificate and its private key', (held) => ({
    ca: held.pem + held.keyPem,
  })),
  broken('roots-none-without-ca', 'No default roots, and no ca either', () => ({ roots: 'none' }), [
    'roots',
  ]),
  broken(
    'server-name-empty',
    'serverName is an empty string',
    (held) => ({ ca: held.pem, serverName: '' }),
    ['serverName'],
  ),
  broken(
    'min-version-unknown',
    'minVersion is a version that does not exist',
    (held) => ({ ca: held.pem, minVersion: 'TLSv1.9' as 'TLSv1.3' }),
    ['minVersion'],
  ),
  broken('pins-empty', 'pins is an empty list', (held) => ({ ca: held.pem, pins: [] }), ['pins']),
  broken(
    'pins-malformed',
    'A pin is neither a SPKI hash nor a fingerprint',
    (held) => ({ ca: held.pem, pins: [held.spkiPin, 'sha256/tooshort'] }),
    ['pins'],
  ),
  broken(
    'pin-identity-without-pins',
    "identity is 'pin', and there are no pins",
    (held) => ({ ca: held.pem, identity: 'pin' }),
    ['identity'],
  ),
  broken(
    'allow-expired-without-pins',
    'allowExpired is set, and there are no pins',
    (held) => ({ ca: held.pem, allowExpired: true }),
    ['allowExpired'],
  ),
  broken(
    'client-certificate-half',
    'The client certificate has no key',
    (held) => ({
      ca: held.pem,
      clientCertificate: { cert: held.pem } as never,
    }),
    ['clientCertificate'],
  ),
  broken(
    'client-certificate-other-key',
    'The key is not that of the client certificate',
    (held, other) => ({
      ca: held.pem,
      clientCertificate: { cert: held.pem, key: other.keyPem },
    }),
    ['clientCertificate'],
  ),
  broken(
    'crl-garbage',
    'crl is text that is no revocation list',
    (held) => ({ ca: held.pem, crl: 'not a list' }),
    ['crl'],
  ),
];

function broken(
  id: string,
  name: string,
  policy: (held: HeldCertificate, other: HeldCertificate) => BatteryPolicyFields,
  needs: readonly PolicyField[] = [],
): AttackCheck {
  return attack('configuration', {
    id,
    name,
    why: 'A mistake in a policy must be an error, never a weaker policy.',
    advice: needs.length === 0 ? READ_FIRST : 'Check every field when the client is made.',
    needs,
    async arrange(stage) {
      const [certificate, other] = await stage.twins();
      return { victim: await stage.server({ certificate }), policy: policy(certificate, other) };
    },
  });
}
