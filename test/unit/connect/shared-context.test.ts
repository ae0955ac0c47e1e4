import * as tls from 'node:tls';
import { describe, expect, it } from 'vitest';
import { sharedSecureContext } from '../../../src/connect/shared-context.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { checkTrustPolicy } from '../../../src/trust/check-trust-policy.js';
import type { TrustInput } from '../../../src/trust/trust-policy.js';

const contextOf = (trust: TrustInput) => sharedSecureContext(checkTrustPolicy(trust));
const [one, two] = await Promise.all([
  heldCertificate({ isCa: true }),
  heldCertificate({ isCa: true }),
]);
const a = one.pem;
const b = two.pem;

describe('a secure context', () => {
  it('is shared by policies with the same anchors, whatever else they say', () => {
    expect(contextOf({ ca: a, serverName: 'x.example' })).toBe(contextOf(a));
    expect(contextOf({ ca: a, pins: [one.spkiPin] })).toBe(contextOf({ ca: a, authority: true }));
  });

  it.each<[string, TrustInput]>([
    ['another anchor', b],
    ['one more', { ca: [a, b] }],
    ['two in another order', { ca: [b, a] }],
    ['the default roots besides', { ca: a, roots: 'default' }],
    ['another version', { ca: a, minVersion: 'TLSv1.3' }],
    ['the default roots alone', null],
  ])('is not shared with %s', (_what, other) => {
    expect(contextOf(other)).not.toBe(contextOf(a));
  });

  it('with a client certificate is of one policy', async () => {
    const { pem: cert, keyPem: key } = await heldCertificate();
    const policy = checkTrustPolicy({ ca: a, clientCertificate: { cert, key } });
    expect(sharedSecureContext(policy)).not.toBe(sharedSecureContext(policy));
  });

  it('without post-quantum groups and with a client certificate is made once for a policy', async () => {
    const { pem: cert, keyPem: key } = await heldCertificate();
    const policyOf = () => checkTrustPolicy({ ca: a, clientCertificate: { cert, key } });
    const [policy, same] = [policyOf(), policyOf()];
    const smaller = sharedSecureContext(policy, 'without post-quantum');
    expect(sharedSecureContext(policy, 'without post-quantum')).toBe(smaller);
    expect(sharedSecureContext(same, 'without post-quantum')).not.toBe(smaller);
    expect(sharedSecureContext(policy)).not.toBe(smaller);
  });

  // Node.js 20 has no way to change them.
  it.skipIf(!('setDefaultCACertificates' in tls))(
    'without post-quantum groups is made anew when the default roots are others',
    async () => {
      const { pem: cert, keyPem: key } = await heldCertificate();
      const policy = checkTrustPolicy({ roots: 'default', clientCertificate: { cert, key } });
      const before = sharedSecureContext(policy, 'without post-quantum');
      const { getCACertificates, setDefaultCACertificates } = tls as unknown as {
        getCACertificates(type: 'default'): string[];
        setDefaultCACertificates(roots: readonly string[]): void;
      };
      const roots = getCACertificates('default');
      try {
        setDefaultCACertificates([a]);
        expect(sharedSecureContext(policy, 'without post-quantum')).not.toBe(before);
      } finally {
        setDefaultCACertificates(roots);
      }
    },
  );
});
