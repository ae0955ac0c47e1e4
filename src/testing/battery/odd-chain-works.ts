import type { HeldCertificate } from '../held-certificate-options.js';
import type { Stage, WorkingCheck } from './battery-check.js';
import type { BatteryPolicyFields, PolicyField } from './battery-policy.js';
import { certificateCheck } from './certificate-check.js';

const DAY_MS = 86_400_000;
const ENDED = { notAfter: new Date(Date.now() - DAY_MS) };

const OPENSSL =
  'Leave path building to OpenSSL: it passes over certificates that the path does not need.';
const BY_BYTES =
  'A certificate that is trusted by its bytes, or by its key, needs nobody to vouch for it: what the server sends behind it has no say.';

/**
 * Good servers that send more than they need to: certificates that have ended, that are too weak, or
 * that have nothing to do with them. Servers go on sending an old cross-sign for years.
 */
export const ODD_CHAIN_WORKS: readonly WorkingCheck[] = [
  odd('chain-ended-cross-sign', 'The CA, cross-signed by one that has expired', async (stage) => {
    const { chain, root } = await crossSigned(stage, ENDED);
    return { chain, policy: { ca: root.pem } };
  }),
  odd('chain-sha1-cross-sign', 'The CA, cross-signed over a SHA-1 hash', async (stage) => {
    const { chain, root } = await crossSigned(stage, { hash: 'sha1' });
    return { chain, policy: { ca: root.pem } };
  }),
  odd('chain-with-40-strangers', 'Forty certificates of strangers', async (stage) => {
    const root = await stage.certificate({ isCa: true });
    const leaf = await stage.certificate({ signedBy: root });
    return { chain: [leaf, ...(await strangers(stage))], policy: { ca: root.pem } };
  }),
  own('anchor-leaf-with-40-strangers', 'Forty certificates of strangers', async (stage) => [
    await stage.certificate(),
    ...(await strangers(stage)),
  ]),
  own('anchor-leaf-ended-cross-sign', 'The CA, cross-signed, expired', async (stage) => {
    return (await crossSigned(stage, ENDED)).chain;
  }),
  own('anchor-leaf-ended-issuer', 'An issuer that has expired', (stage) => below(stage, ENDED)),
  own('anchor-leaf-odd-issuer', 'An issuer that is no CA', (stage) =>
    below(stage, { isCa: false }),
  ),
  pinned('pin-identity-ended-issuer', 'An issuer that has expired', (stage) => below(stage, ENDED)),
  pinned('pin-identity-40-strangers', 'Forty certificates of strangers', async (stage) => [
    await stage.certificate({ san: 'none' }),
    ...(await strangers(stage)),
  ]),
  pinned('pin-identity-sha1-issuer', 'An issuer that signs over a SHA-1 hash', async (stage) => {
    const issuer = await stage.certificate({ isCa: true });
    return [await stage.certificate({ signedBy: issuer, hash: 'sha1' }), issuer];
  }),
  pinned('pin-identity-rsa-2048', 'Nothing: the key is RSA with 2048 bits', async (stage) => [
    await stage.certificate({ key: 'rsa2048' }),
  ]),
];

interface OddSetting {
  /** As it is sent, the server's own first. */
  readonly chain: readonly HeldCertificate[];
  readonly policy: BatteryPolicyFields;
}

function odd(
  id: string,
  what: string,
  arrange: (stage: Stage) => Promise<OddSetting>,
  text: { readonly advice: string; readonly needs?: readonly PolicyField[] } = { advice: OPENSSL },
): WorkingCheck {
  return certificateCheck({
    ...text,
    id,
    name: `Behind what is needed, the server sends: ${what}`,
    async arrange(stage) {
      const { chain, policy } = await arrange(stage);
      const cert = chain.map(({ pem }) => pem).join('');
      return { shown: { cert, key: (chain[0] as HeldCertificate).keyPem }, policy };
    },
  });
}

type Chain = Promise<readonly [HeldCertificate, ...HeldCertificate[]]>;

function own(id: string, what: string, chainOf: (stage: Stage) => Chain): WorkingCheck {
  const arrange = async (stage: Stage): Promise<OddSetting> => {
    const chain = await chainOf(stage);
    return { chain, policy: { ca: chain[0].pem } };
  };
  return odd(id, `${what} (its own certificate is the anchor)`, arrange, { advice: BY_BYTES });
}

function pinned(id: string, what: string, chainOf: (stage: Stage) => Chain): WorkingCheck {
  const arrange = async (stage: Stage): Promise<OddSetting> => {
    const chain = await chainOf(stage);
    return { chain, policy: { identity: 'pin', pins: [chain[0].spkiPin] } };
  };
  const text = { advice: BY_BYTES, needs: ['pins', 'identity'] } as const;
  return odd(id, `${what} (the pinned key is the identity)`, arrange, text);
}

async function below(stage: Stage, options: object): Chain {
  const issuer = await stage.certificate({ isCa: true, ...options });
  return [await stage.certificate({ signedBy: issuer }), issuer];
}

async function crossSigned(
  stage: Stage,
  options: object,
): Promise<{ readonly root: HeldCertificate; readonly chain: Awaited<Chain> }> {
  const root = await stage.certificate({ isCa: true });
  const intermediate = await stage.certificate({ isCa: true, signedBy: root });
  const leaf = await stage.certificate({ signedBy: intermediate });
  const old = await stage.certificate({ isCa: true });
  const crossed = await stage.certificate({ renewFrom: root, signedBy: old, ...options });
  return { root, chain: [leaf, intermediate, crossed] };
}

async function strangers(stage: Stage): Promise<readonly HeldCertificate[]> {
  const stranger = await stage.certificate();
  return Array<HeldCertificate>(40).fill(stranger);
}
