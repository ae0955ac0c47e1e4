import type { TrustPolicy } from '../../src/index.js';
import type { HeldCertificate } from '../../src/testing/index.js';
import { checkTrustPolicy } from '../../src/trust/check-trust-policy.js';
import { decide } from '../../src/trust/decide.js';
import { readReferenceIdentity } from '../../src/trust/reference-identity.js';

/** Guards that no other test would miss: `npm run test:mutations` disables each of them. */

export const HOUR_MS = 3_600_000;

export const ENDED = {
  notBefore: new Date(Date.now() - 48 * HOUR_MS),
  notAfter: new Date(Date.now() - HOUR_MS),
};

/** What `decide` says of a whole chain at 127.0.0.1. */
export function verdict(
  trust: TrustPolicy,
  chain: readonly HeldCertificate[],
  chainError: string | null | undefined,
): string {
  const presentation = {
    chain: chain.map(({ certificate }) => certificate),
    isWhole: true,
    chainError,
  };
  const identity = readReferenceIdentity('127.0.0.1');
  const { trusted, ...rest } = decide(checkTrustPolicy(trust), presentation, identity, new Date());
  return trusted ? 'trusted' : (rest as { reason: string }).reason;
}

export const SELF_SIGNED = 'DEPTH_ZERO_SELF_SIGNED_CERT';

export const byPin = ({ spkiPin }: HeldCertificate): TrustPolicy => ({
  identity: 'pin',
  pins: [spkiPin],
});

export const byOwn = ({ pem: certificatePem }: HeldCertificate): TrustPolicy => ({
  ca: certificatePem,
});

export function later(ms: number): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, ms, 'still waiting'));
}
