import type { HeldCertificate } from '../held-certificate-options.js';
import { type AttackCheck, attack, type Stage } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';

/** Attacks with the key of a server's own certificate, hidden among other certificates. */
export const HIDDEN_ISSUER_CHECKS: readonly AttackCheck[] = [
  hidden({
    id: 'anchor-server-ca-hidden',
    name: 'What such a key has signed is hidden behind 40 certificates that have nothing to do with it',
    fillers: 40,
  }),
  hidden({
    id: 'anchor-server-ca-far',
    name: 'What such a key has signed is hidden behind 150 certificates',
    fillers: 150,
  }),
  hidden({
    id: 'anchor-server-ca-ladder',
    name: 'What such a key has signed is 40 intermediates away from the certificate that is shown',
    intermediates: 40,
  }),
  hidden({
    id: 'anchor-server-ca-beside-another',
    name: "What one server's key has signed is hidden, and the certificate of another server is an anchor, too",
    fillers: 40,
    arrange: async (stage, anchor) => {
      const other = await stage.certificate({ isCa: true, ip: ['127.0.0.1'] });
      return { ca: other.pem + anchor.pem };
    },
  }),
  hidden({
    id: 'anchor-server-ca-beside-roots',
    name: "What one server's key has signed is hidden, and the default roots are trusted, too",
    fillers: 40,
    needs: ['roots'],
    arrange: async (_stage, anchor) => ({ ca: anchor.pem, roots: 'default' }),
  }),
  hidden({
    id: 'authority-denied-hidden',
    name: 'authority is false, and what the anchor has signed is hidden behind 40 certificates',
    fillers: 40,
    needs: ['authority'],
    arrange: async (_stage, anchor) => ({ ca: anchor.pem, authority: false }),
  }),
];

interface HiddenInput {
  readonly id: string;
  readonly name: string;
  /** Certificates of no account between the leaf and the one that the anchor has signed. */
  readonly fillers?: number;
  /** How many authorities there are between the leaf and the anchor. */
  readonly intermediates?: number;
  readonly needs?: readonly PolicyField[];
  readonly arrange?: (stage: Stage, anchor: HeldCertificate) => Promise<BatteryPolicyFields>;
}

/**
 * OpenSSL builds its path from all certificates that were sent, in any order, some 290 of them. A
 * client that looks for the anchor's signature itself has to look at as many.
 */
function hidden({ id, name, fillers = 0, intermediates = 1, ...more }: HiddenInput): AttackCheck {
  const { arrange = async (_stage, { pem: certificatePem }) => ({ ca: certificatePem }) } = more;
  return attack('chain', {
    id,
    name,
    why: 'Whoever has the key of one server poses as any other, by sending more certificates than the client looks at.',
    advice:
      "Give OpenSSL the authorities only, compare a server's own certificate by its bytes, and refuse a chain that is too long to be looked at whole.",
    needs: more.needs ?? [],
    async arrange(stage) {
      const anchor = await stage.certificate({ isCa: true, ip: ['127.0.0.1'] });
      const above: HeldCertificate[] = [];
      for (let n = 0; n < intermediates; n++) {
        above.unshift(
          await stage.certificate({ isCa: true, signedBy: above[0] ?? anchor, ...SMALL }),
        );
      }
      const shown = await stage.certificate({
        signedBy: above[0] ?? anchor,
        keyIdentifiers: false,
      });
      const filler = await stage.certificate(SMALL);
      const chain = [shown, ...Array<HeldCertificate>(fillers).fill(filler), ...above];
      const cert = chain.map(({ pem }) => pem).join('');
      const victim = await stage.server({ certificate: { cert, key: shown.keyPem } });
      return { victim, policy: await arrange(stage, anchor) };
    },
  });
}

/** OpenSSL takes no more than 100 KB of certificates. */
const SMALL = { keyIdentifiers: false, san: 'none' } as const;
