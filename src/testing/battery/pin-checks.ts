import type { HeldCertificate } from '../held-certificate.js';
import type { HeldCertificateOptions } from '../held-certificate-options.js';
import type { TlsServerOptions } from '../tls-server-options.js';
import { attack, type BatteryCheck, type CheckText, type Stage, works } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';
import { reach } from './requests.js';

const HOUR_MS = 3_600_000;
const EXPIRED = { notAfter: new Date(Date.now() - HOUR_MS) };

const HASH_LEAF =
  'Hash the SubjectPublicKeyInfo of the leaf, as it stands in the certificate, on the connected socket; compare with every pin before the first byte of the request.';
const ADDED =
  "A pin is asked for besides chain and name; only identity: 'pin' replaces them, and only allowExpired forgives expiry.";
const STRENGTH =
  "Where OpenSSL's verdict is set aside for a pin, look at the strength of the leaf's key yourself: RSA below 2048 bits is refused.";

/** Checks of `pins`, `identity` and `allowExpired`. */
export const PIN_CHECKS: readonly BatteryCheck[] = [
  refused('pin-wrong', 'The pin is of another key', HASH_LEAF, async (stage) => {
    const { ca, leaf } = await family(stage);
    const other = await stage.certificate();
    return { shown: leaf, policy: { ca: ca.certificatePem, pins: [other.spkiPin] } };
  }),
  refused(
    'pin-other-key',
    'The trusted CA has signed another key for the same names',
    HASH_LEAF,
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const misissued = await stage.certificate({ signedBy: ca });
      return { shown: misissued, policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-of-the-ca',
    'The pinned key is that of the CA, not of the server',
    HASH_LEAF,
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const cert = leaf.certificatePem + ca.certificatePem;
      return {
        shown: { cert, key: leaf.keyPem },
        policy: { ca: ca.certificatePem, pins: [ca.spkiPin] },
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
      const cert = misissued.certificatePem + leaf.certificatePem;
      return {
        shown: { cert, key: misissued.keyPem },
        policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] },
      };
    },
  ),
  refused(
    'pin-anchor-signs',
    'The key of the pinned self-signed certificate, a CA, has signed another',
    HASH_LEAF,
    async (stage) => {
      const anchor = await stage.certificate({ ca: true });
      const rogue = await stage.certificate({ signedBy: anchor });
      return { shown: rogue, policy: { ca: anchor.certificatePem, pins: [anchor.spkiPin] } };
    },
  ),
  refused(
    'pin-without-chain',
    'The pin matches, and the chain leads to no anchor',
    ADDED,
    async (stage) => {
      const { ca } = await family(stage);
      const stranger = await stage.certificate();
      return { shown: stranger, policy: { ca: ca.certificatePem, pins: [stranger.spkiPin] } };
    },
  ),
  refused(
    'pin-without-name',
    'The pin matches, and the certificate is for another name',
    ADDED,
    async (stage) => {
      const { ca, leaf } = await family(stage, { dns: ['other.example'] });
      return { shown: leaf, policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-expired',
    'The pin matches, and the certificate has expired',
    ADDED,
    async (stage) => {
      const { ca, leaf } = await family(stage, EXPIRED);
      return { shown: leaf, policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] } };
    },
  ),
  refused(
    'pin-fingerprint-renewed',
    'The pin is a fingerprint, and the certificate was renewed',
    'A fingerprint is of one certificate: hash the whole DER, not the key.',
    async (stage) => {
      const { ca, leaf } = await family(stage);
      const shown = await stage.certificate({ renewFrom: leaf });
      return { shown, policy: { ca: ca.certificatePem, pins: [fingerprintPin(leaf)] } };
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
      const cert = impostor.certificatePem + genuine.certificatePem;
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
      const policy = { ca: ca.certificatePem, pins: [leaf.spkiPin], allowExpired: true };
      return { shown: leaf, policy };
    },
    ['allowExpired'],
  ),
  refused(
    'pin-identity-weak-key',
    "identity is 'pin': the pinned key is RSA with 1024 bits",
    STRENGTH,
    async (stage) => {
      const shown = await stage.certificate({ key: 'rsa1024' });
      return { shown, policy: { pins: [shown.spkiPin], identity: 'pin' } };
    },
    ['identity'],
  ),
  refused(
    'pin-identity-weak-certificate',
    "identity is 'pin': the key of the pinned certificate, which has expired, is RSA with 1024 bits",
    STRENGTH,
    async (stage) => {
      const shown = await stage.certificate({ key: 'rsa1024', ...EXPIRED });
      return {
        shown,
        policy: { pins: [fingerprintPin(shown)], identity: 'pin', allowExpired: true },
      };
    },
    ['identity', 'allowExpired'],
  ),
  expired(
    'pin-expired-stranger',
    "a valid certificate with the pinned key, below a stranger's CA that has expired",
    async (stage) => {
      const stranger = await stage.certificate({ ca: true, ...EXPIRED });
      const shown = await stage.certificate({ signedBy: stranger });
      return { shown, sent: [shown, stranger], ca: await stage.certificate({ ca: true }) };
    },
  ),
  expired(
    'pin-expired-below-stranger',
    'an expired certificate with the pinned key, of a CA that is not trusted',
    async (stage) => {
      const stranger = await stage.certificate({ ca: true });
      const shown = await stage.certificate({ signedBy: stranger, ...EXPIRED });
      return { shown, sent: [shown, stranger], ca: await stage.certificate({ ca: true }) };
    },
  ),
  expired(
    'pin-expired-broken-signature',
    'an expired certificate with the pinned key, and a broken signature',
    async (stage) => {
      const ca = await stage.certificate({ ca: true });
      const shown = await stage.certificate({
        signedBy: ca,
        ...EXPIRED,
        defect: 'broken-signature',
      });
      return { shown, sent: [shown], ca };
    },
  ),
  accepted('pin-spki', 'A SPKI pin of the leaf', async (stage) => {
    const { ca, leaf } = await family(stage);
    return { shown: leaf, policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] } };
  }),
  accepted('pin-backup', 'The second of two pins matches', async (stage) => {
    const { ca, leaf } = await family(stage);
    const backup = await stage.certificate();
    const pins = [backup.spkiPin, leaf.spkiPin];
    return { shown: leaf, policy: { ca: ca.certificatePem, pins } };
  }),
  accepted('pin-fingerprint', 'A fingerprint, SHA256:HEX', async (stage) => {
    const { ca, leaf } = await family(stage);
    return { shown: leaf, policy: { ca: ca.certificatePem, pins: [fingerprintPin(leaf)] } };
  }),
  accepted(
    'pin-fingerprint-colons',
    'A fingerprint in the form with colons, as openssl prints it',
    async (stage) => {
      const { ca, leaf } = await family(stage);
      return { shown: leaf, policy: { ca: ca.certificatePem, pins: [leaf.fingerprint256] } };
    },
  ),
  accepted('pin-renewed', 'The certificate was renewed with the pinned key', async (stage) => {
    const { ca, leaf } = await family(stage);
    const shown = await stage.certificate({ renewFrom: leaf });
    return { shown, policy: { ca: ca.certificatePem, pins: [leaf.spkiPin] } };
  }),
  accepted(
    'pin-self-signed',
    'A self-signed certificate that is anchor and pinned',
    async (stage) => {
      const shown = await stage.certificate();
      return { shown, policy: { ca: shown.certificatePem, pins: [shown.spkiPin] } };
    },
  ),
  accepted(
    'pin-allow-expired',
    'allowExpired: an expired certificate with the pinned key',
    async (stage) => {
      const { ca, leaf } = await family(stage, EXPIRED);
      const policy = { ca: ca.certificatePem, pins: [leaf.spkiPin], allowExpired: true };
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

function refused(
  id: string,
  name: string,
  advice: string,
  arrange: Arrange,
  needs: readonly PolicyField[] = [],
): BatteryCheck {
  const text: CheckText = {
    id,
    name,
    shows: 'A pin that can be talked around is worse than none: it is relied on.',
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

/** Attacks on `allowExpired` beside `ca`, which excuses the end of the leaf and nothing else. */
function expired(
  id: string,
  what: string,
  arrange: (stage: Stage) => Promise<{
    readonly ca: HeldCertificate;
    readonly shown: HeldCertificate;
    readonly sent: readonly HeldCertificate[];
  }>,
): BatteryCheck {
  return refused(
    id,
    `allowExpired is set: ${what}`,
    'OpenSSL reports the last of several objections: that something has expired does not say that the rest is in order.',
    async (stage) => {
      const { ca, sent, shown } = await arrange(stage);
      const cert = sent.map(({ certificatePem }) => certificatePem).join('');
      const policy = { ca: ca.certificatePem, pins: [shown.spkiPin], allowExpired: true };
      return { shown: { cert, key: shown.keyPem }, policy };
    },
    ['allowExpired'],
  );
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
    shows: 'A pin that fails for the right server locks its users out.',
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
  const ca = await stage.certificate({ ca: true });
  return { ca, leaf: await stage.certificate({ signedBy: ca, ...options }) };
}

function fingerprintPin({ fingerprint256 }: HeldCertificate): string {
  return `SHA256:${fingerprint256.replaceAll(':', '')}`;
}
