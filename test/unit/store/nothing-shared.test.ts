import { X509Certificate } from 'node:crypto';
import { expect, it } from 'vitest';
import { checkTrust, createCertificateStore } from '../../../src/index.js';
import { anchorsOf } from '../../../src/trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../../src/trust/checked-trust-policy.js';
import { aCertificate, aKey, aRecord } from './support.js';

/** What a store gives out can be written into by whoever holds it: nothing is judged by that. */

const der = () => new Uint8Array(new X509Certificate(aCertificate.pem).raw);

/** Every byte that can be had from a policy. */
function bytesOf(policy: CheckedTrustPolicy): Uint8Array[] {
  return [
    ...policy.ownCertificates,
    ...anchorsOf(policy).map(({ raw }) => raw),
    ...policy.anchors.map(({ raw }) => raw),
  ];
}

it('writing into the bytes of a record changes whom no record trusts, its own neither', async () => {
  const storage = new Map<string, string>();
  const store = createCertificateStore({ keys: aKey(), storage, whenEmpty: 'create' });
  for (const id of ['mine', 'theirs']) await store.set(id, aRecord());
  for await (const { entries } of store.trusts({})) {
    const [mine, theirs] = entries.map(({ trust }) => (trust as never as Policies).policy);
    expect(bytesOf(mine as CheckedTrustPolicy)).toHaveLength(3);
    for (const bytes of bytesOf(mine as CheckedTrustPolicy)) {
      // The memory around it too, which short buffers have in common.
      new Uint8Array(bytes.buffer).fill(0);
    }
    for (const policy of [mine, theirs]) {
      expect(Buffer.from(policy?.ownCertificates[0] as Uint8Array).equals(der())).toBe(true);
      expect(Buffer.from(anchorsOf(policy as never)[0]?.raw as Uint8Array).equals(der())).toBe(
        true,
      );
    }
  }
});

interface Policies {
  readonly policy: CheckedTrustPolicy;
}

it('a policy does not hold the bytes that it was made of', () => {
  const given = der();
  const policy = checkTrust({ ca: given }) as CheckedTrustPolicy;
  given.fill(0);
  expect(Buffer.from(policy.ownCertificates[0] as Uint8Array).equals(der())).toBe(true);
});
