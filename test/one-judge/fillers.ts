import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { certificateOf } from './support/crafted.js';
import { FILLER_KEY, PAST } from './world.js';

/** Certificates to put between a leaf and its issuer. */
export interface Filler {
  readonly name: string;
  readonly certificates: readonly HeldCertificate[];
}

/** Around the old bound of 32, at the bound of 100 and beyond it. */
export const COUNTS: readonly number[] = [1, 31, 32, 33, 100, 250];
export const FEW_COUNTS: readonly number[] = [1, 33, 100];

/**
 * Every kind in so many numbers, copies of one in all. The odd ones carry the name and key of the leaf's `issuer`, so that
 * OpenSSL finds them while it builds its path.
 */
export async function fillers(
  issuer: HeldCertificate,
  top: HeldCertificate,
  counts: readonly number[],
): Promise<readonly Filler[]> {
  const like = (more: object) => heldCertificate({ renewFrom: issuer, ...SMALL, ...more });
  const [stranger, ended] = await Promise.all([
    certificateOf(FILLER_KEY, SMALL),
    certificateOf(FILLER_KEY, { ...SMALL, ...PAST, isCa: true }),
  ]);
  const crossed = () => heldCertificate({ renewFrom: issuer, ...SMALL, signedBy: ended });
  const kinds: readonly (readonly [string, readonly number[], () => Promise<HeldCertificate>])[] = [
    ['copies', COUNTS, async () => stranger],
    ['strangers', counts, () => certificateOf(FILLER_KEY, SMALL)],
    ['ended', counts, () => like(PAST)],
    ['SHA-1', counts, () => like({ hash: 'sha1' })],
    ['CA:FALSE', counts, () => like({ isCa: false, keyUsages: [] })],
    ['path length', counts, () => like({ pathLength: 0 })],
    ['unknown critical', counts, () => like({ unknownCriticalExtension: true })],
    ['name constraints', counts, () => like({ nameConstraints: { excludedDns: ['localhost'] } })],
    ['roots', counts, async () => top],
    ['cross-signed', counts, crossed],
  ];
  const made: Filler[] = [];
  for (const [kind, numbers, make] of kinds) {
    const some = await Promise.all(Array.from({ length: DISTINCT }, make));
    for (const count of numbers) {
      const certificates = Array.from({ length: count }, (_, n) => some[n % DISTINCT] as Held);
      made.push({ name: `${count} ${kind}`, certificates });
    }
  }
  return made;
}

type Held = HeldCertificate;

/** More of a kind come round again: making certificates takes longer than judging them. */
const DISTINCT = 34;

/** OpenSSL takes 100 KB of certificates from a server: 250 of them have to be small. */
const SMALL = { keyIdentifiers: false, keyUsages: [], extendedKeyUsages: [], san: 'none' } as const;
