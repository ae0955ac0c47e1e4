import type { HeldCertificate } from '../held-certificate-options.js';
import type { BatteryCheck, Stage } from './battery-check.js';
import { EXPIRED, fingerprintPin, refused } from './pin-checks.js';

const STRENGTH =
  "Where OpenSSL's verdict is set aside for a pin, look at the strength of the leaf's key yourself: RSA below 2048 bits is refused.";

/** Attacks on what a pin does not excuse: a weak key, and a chain that is in no order. */
export const PIN_LIMIT_CHECKS: readonly BatteryCheck[] = [
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
      const stranger = await stage.certificate({ isCa: true, ...EXPIRED });
      const shown = await stage.certificate({ signedBy: stranger });
      return { shown, sent: [shown, stranger], ca: await stage.certificate({ isCa: true }) };
    },
  ),
  expired(
    'pin-expired-below-stranger',
    'an expired certificate with the pinned key, of a CA that is not trusted',
    async (stage) => {
      const stranger = await stage.certificate({ isCa: true });
      const shown = await stage.certificate({ signedBy: stranger, ...EXPIRED });
      return { shown, sent: [shown, stranger], ca: await stage.certificate({ isCa: true }) };
    },
  ),
  expired(
    'pin-expired-broken-signature',
    'an expired certificate with the pinned key, and a broken signature',
    async (stage) => {
      const ca = await stage.certificate({ isCa: true });
      const shown = await stage.certificate({
        signedBy: ca,
        ...EXPIRED,
        defect: 'broken-signature',
      });
      return { shown, sent: [shown], ca };
    },
  ),
];

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
      const cert = sent.map(({ pem }) => pem).join('');
      const policy = { ca: ca.pem, pins: [shown.spkiPin], allowExpired: true };
      return { shown: { cert, key: shown.keyPem }, policy };
    },
    ['allowExpired'],
  );
}
