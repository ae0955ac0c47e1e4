import type { HeldCertificate, HeldCertificateOptions } from '../held-certificate-options.js';
import type { TlsServerOptions } from '../tls-server-options.js';
import { attack, type BatteryCheck, type CheckText, type Stage, works } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';
import { reach } from './requests.js';

const HOUR_MS = 3_600_000;
export const EXPIRED: { readonly notAfter: Date } = { notAfter: new Date(Date.now() - HOUR_MS) };

const HASH_LEAF =
  'Hash the SubjectPublicKeyInfo of the leaf, as it stands in the certificate, on the connected socket; compare with every pin before the first byte of the request.';
const ADDED =
  "A pin is asked for in addition to chain and name; only identity: 'pin' replaces them, and only allowExpired forgives expiry.";
/** Checks of `pins`, `identity` and `allowExpired`. */
export const PIN_CHECKS: readonly BatteryCheck[] = [
  refused('pin-wrong', 'The pin is of another key', HASH_LEAF, async (stage) => {
    const { ca, leaf } = await family(stage);
    const other = await stage.certificate();
    return { shown: leaf, policy: { ca: ca.pem, pins: [other.spkiPin] } };
  }),
  refused(
    'pin-other-key',
    'The trusted CA has signed another key for the same names',
    HASH_LEAF,
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const misissued = await stage.certificate({ signedBy: ca });
      return { shown: misissued, policy: { ca: ca.pem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-of-the-ca',
    'The pinned key is that of the CA, not of the server',
    HASH_LEAF,
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const cert = leaf.pem + ca.pem;
      return {
        shown: { cert, key: leaf.keyPem },
        policy: { ca: ca.pem, pins: [ca.spkiPin] },
      };
    },
  ),
  refused(
    'pin-genuine-appended',
    'A misissued certificate is sent with the pinned one behind it',
    HASH_LEAF,
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const misissued = await stage.certificate({ signedBy: ca });
      const cert = misissued.pem + leaf.pem;
      return {
        shown: { cert, key: misissued.keyPem },
        policy: { ca: ca.pem, pins: [leaf.spkiPin] },
      };
    },
  ),
  refused(
    'pin-anchor-signs',
    'The key of the pinned self-signed certificate, a CA, has signed another',
    HASH_LEAF,
    async (stage) => {
      const anchor = await stage.certificate({ isCa: true });
      const rogue = await stage.certificate({ signedBy: anchor });
      return { shown: rogue, policy: { ca: anchor.pem, pins: [anchor.spkiPin] } };
    },
  ),
  refused(
    'pin-without-chain',
    'The pin matches, and the chain leads to no anchor',
    ADDED,
    async (stage) => {
      const { ca } = await family(stage);
      const stranger = await stage.certificate();
      return { shown: stranger, policy: { ca: ca.pem, pins: [stranger.spkiPin] } };
    },
  ),
  refused(
    'pin-without-name',
    'The pin matches, and the certificate is for another name',
    ADDED,
    async (stage) => {
      const { ca, leaf } = await family(stage, { dns: ['other.example'] });
      return { shown: leaf, policy: { ca: ca.pem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-expired',
    'The pin matches, and the certificate has expired',
    ADDED,
    async (stage) => {
      const { ca, leaf } = await family(stage, EXPIRED);
      return { shown: leaf, policy: { ca: ca.pem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-fingerprint-renewed',
    'The pin is a fingerprint, and the certificate was renewed',
    'A fingerprint is of one certificate: hash the whole DER, not the key.',
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const shown = await stage.certificate({ renewFrom: leaf });
      return { shown, policy: { ca: ca.pem, pins: [fingerprintPin(leaf)] } };
    },
  ),
  refused(
    'pin-identity-other-key',
    "identity is 'pin': an impostor with the same names",
    HASH_LEAF,
    async (stage) => {
      const [genuine, impostor] = await stage.twins();
      return { shown: impostor, policy: { pins: [genuine.spkiPin], identity: 'pin' } };
    },
    ['identity'],
  ),
  refused(
    'pin-identity-genuine-appended',
    "identity is 'pin': an impostor sends the pinned certificate behind its own",
    HASH_LEAF,
    async (stage) => {
      const [genuine, impostor] = await stage.twins();
      const cert = impostor.pem + genuine.pem;
      return {
        shown: { cert, key: impostor.keyPem },
        policy: { pins: [genuine.spkiPin], identity: 'pin' },
      };
    },
    ['identity'],
  ),
  refused(
    'pin-identity-expired',
    "identity is 'pin': the certificate has expired, and nobody allowed that",
    ADDED,
    async (stage) => {
      const shown = await stage.certificate(EXPIRED);
      return { shown, policy: { pins: [shown.spkiPin], identity: 'pin' } };
    },
    ['identity'],
  ),
  refused(
    'pin-not-yet-valid',
    'allowExpired is set, and the certificate is not valid yet',
    'Expired is not the same as not yet valid: allow the one only.',
    async (stage) => {
      const { ca, leaf } = await family(stage, { notBefore: new Date(Date.now() + HOUR_MS) });
      const policy = { ca: ca.pem, pins: [leaf.spkiPin], allowExpired: true };
      return { shown: leaf, policy };
    },
    ['allowExpired'],
  ),
  accepted('pin-spki', 'A SPKI pin of the leaf', async (stage) => {
    const { ca, leaf } = await family(stage);
    return { shown: leaf, policy: { ca: ca.pem, pins: [leaf.spkiPin] } };
  }),
  accepted('pin-backup', 'The second of two pins matches', async (stage) => {
    const { ca, leaf } = await family(stage);
    const backup = await stage.certificate();
    const pins = [backup.spkiPin, leaf.spkiPin];
    return { shown: leaf, policy: { ca: ca.pem, pins } };
  }),
  accepted('pin-fingerprint', 'A fingerprint, SHA256:HEX', async (stage) => {
    const { ca, leaf } = await family(stage);
    return { shown: leaf, policy: { ca: ca.pem, pins: [fingerprintPin(leaf)] } };
  }),
  accepted(
    'pin-fingerprint-colons',
    'A fingerprint in the form with colons, as openssl prints it',
    async (stage) => {
      const { ca, leaf } = await family(stage);
      return { shown: leaf, policy: { ca: ca.pem, pins: [leaf.fingerprint] } };
    },
  ),
  accepted('pin-renewed', 'The certificate was renewed with the pinned key', async (stage) => {
    const { ca, leaf } = await family(stage);
    const shown = await stage.certificate({ renewFrom: leaf });
    return { shown, policy: { ca: ca.pem, pins: [leaf.spkiPin] } };
  }),
  accepted(
    'pin-self-signed',
    'A self-signed certificate that is anchor and pinned',
    async (stage) => {
      const shown = await stage.certificate();
      return { shown, policy: { ca: shown.pem, pins: [shown.spkiPin] } };
    },
  ),
  accepted(
    'pin-allow-expired',
    'allowExpired: an expired certificate with the pinned key',
    async (stage) => {
      const { ca, leaf } = await family(stage, EXPIRED);
      const policy = { ca: ca.pem, pins: [leaf.spkiPin], allowExpired: true };
      return { shown: leaf, policy };
    },
    ['allowExpired'],
  ),
  accepted(
    'pin-identity',
    "identity is 'pin': self-signed, without any name",
    async (stage) => {
      const shown = await stage.certificate({ san: 'none' });
      return { shown, policy: { pins: [shown.spkiPin], identity: 'pin' } };
    },
    ['identity'],
  ),
  accepted(
    'pin-identity-renewed',
    "identity is 'pin': renewed with the pinned key",
    async (stage) => {
      const old = await stage.certificate({ san: 'none' });
      const shown = await stage.certificate({ renewFrom: old });
      return { shown, policy: { pins: [old.spkiPin], identity: 'pin' } };
    },
    ['identity'],
  ),
  accepted(
    'pin-identity-allow-expired',
    "identity is 'pin' with allowExpired: nameless and expired",
    async (stage) => {
      const shown = await stage.certificate({ san: 'none', ...EXPIRED });
      return { shown, policy: { pins: [shown.spkiPin], identity: 'pin', allowExpired: true } };
    },
    ['identity', 'allowExpired'],
  ),
];

type Arrange = (stage: Stage) => Promise<{
  readonly shown: TlsServerOptions['certificate'];
  readonly policy: BatteryPolicyFields;
}>;

export function refused(
  id: string,
  name: string,
  advice: string,
  arrange: Arrange,
  needs: readonly PolicyField[] = [],
): BatteryCheck {
  const text: CheckText = {
    id,
    name,
    why: 'A pin that can be talked around is worse than none: it is relied on.',
    advice,
  };
  return attack('pins', {
    ...text,
    needs: ['pins', ...needs],
    async arrange(stage) {
      const { policy, shown } = await arrange(stage);
      return { victim: await stage.server({ certificate: shown }), policy };
    },
  });
}

function accepted(
  id: string,
  name: string,
  arrange: Arrange,
  needs: readonly PolicyField[] = [],
): BatteryCheck {
  return works('pins', {
    id,
    name,
    why: 'A pin that fails for the right server locks its users out.',
    advice: 'Any one of the pins must match the leaf; compare bytes, not the way they are written.',
    needs: ['pins', ...needs],
    async run(stage) {
      const { policy, shown } = await arrange(stage);
      const server = await stage.server({ certificate: shown });
      const url = `${server.url}/mcp`;
      await reach(await stage.client({ url, ...policy }), url);
    },
  });
}

async function family(
  stage: Stage,
  options: HeldCertificateOptions = {},
): Promise<{ ca: HeldCertificate; leaf: HeldCertificate }> {
  const ca = await stage.certificate({ isCa: true });
  return { ca, leaf: await stage.certificate({ signedBy: ca, ...options }) };
}

export function fingerprintPin({ fingerprint: fingerprint256 }: HeldCertificate): string {
  return `SHA256:${fingerprint256.replaceAll(':', '')}`;
}
