import { heldCertificate } from '../../../src/testing/index.js';
import type { World } from '../world.js';
import { type PresentingServer, present } from './present.js';

/** Servers that bear every name that any presentation bears, and other keys. */
export interface Twins extends AsyncDisposable {
  readonly servers: readonly { readonly name: string; readonly server: PresentingServer }[];
}

const NAMES = {
  dns: ['localhost', 'other.example', '127.0.0.1', 'a.example', 'bank.example', 'kubernetes'],
  ip: ['127.0.0.1', '10.0.0.5', '::1'],
};

/** Whoever was let in by a suggestion made for another certificate would be one of these. */
export async function startTwins({ a, s, i, p, k, stranger }: World): Promise<Twins> {
  const is = await heldCertificate({ isCa: true, signedBy: s });
  const chains = {
    'self-signed twin': [await heldCertificate({ ...NAMES, commonName: 'server A' })],
    'twin below I': [await heldCertificate({ ...NAMES, signedBy: i }), i],
    'twin below S': [await heldCertificate({ ...NAMES, signedBy: is }), is],
    'twin below A': [await heldCertificate({ ...NAMES, signedBy: a }), a],
    'twin below K': [await heldCertificate({ ...NAMES, signedBy: k })],
    'twin below P': [await heldCertificate({ ...NAMES, signedBy: p })],
    'twin below a stranger': [await heldCertificate({ ...NAMES, signedBy: stranger }), stranger],
  };
  const servers = await Promise.all(
    Object.entries(chains).map(async ([name, chain]) => ({ name, server: await present(chain) })),
  );
  return {
    servers,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map(({ server }) => server[Symbol.asyncDispose]()));
    },
  };
}
