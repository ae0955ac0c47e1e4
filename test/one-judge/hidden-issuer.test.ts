import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { fetchPeerCertificate, type TrustInput } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { askOnce } from '../support/ask-once.js';
import { certificateOf, ecKey } from './support/crafted.js';
import { type PresentingServer, present } from './support/present.js';

/**
 * The key of a server's own certificate signs an intermediate, and that a certificate for the host of
 * somebody else. Many certificates in between hide it from a client that looks at some of them only;
 * OpenSSL finds its path through all.
 */

let a: HeldCertificate;
let b: HeldCertificate;
let below: HeldCertificate;
let impostor: HeldCertificate;
let server: PresentingServer | undefined;

beforeAll(async () => {
  const own = { isCa: true, dns: ['localhost'] } as const;
  a = await heldCertificate({ ...own, commonName: 'server A' });
  b = await heldCertificate({ ...own, commonName: 'server B' });
  below = await heldCertificate({ isCa: true, signedBy: a });
  impostor = await heldCertificate({ signedBy: below });
});
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  server = undefined;
});

const policies: readonly (readonly [string, () => TrustInput])[] = [
  ["A's own certificate", () => ({ ca: a.pem })],
  ["A's own certificate as text", () => a.pem],
  ["A's own certificate and the default roots", () => ({ ca: a.pem, roots: 'default' })],
  ['the own certificates of two servers', () => ({ ca: [a.pem, b.pem] })],
  ['A with authority: false', () => ({ ca: a.pem, authority: false })],
  [
    "A and the default roots, asked for another server's name",
    () => ({ ca: a.pem, roots: 'default', serverName: 'localhost' }),
  ],
];

describe.each(policies)('under %s', (_, trust) => {
  it.each([0, 1, 30, 31, 32, 60, 98, 150])(
    'an impostor behind %i fillers is refused',
    async (n) => {
      const filler = await certificateOf(ecKey(), { keyIdentifiers: false });
      await refuses([impostor, ...Array<HeldCertificate>(n).fill(filler), below], trust());
    },
  );

  it.each([3, 34, 90])('an impostor below %i intermediates is refused', async (n) => {
    await refuses(await ladder(a, n), trust());
  });

  it('fillers behind the intermediate, or A itself sent along, change nothing', async () => {
    await refuses([impostor, below, ...Array<HeldCertificate>(40).fill(a)], trust());
  });
});

it('a genuine server may send 99 certificates more, and no 100', async () => {
  const filler = await certificateOf(ecKey(), { keyIdentifiers: false });
  const behind = (n: number) => [a, ...Array<HeldCertificate>(n).fill(filler)];
  expect(await visit(behind(99), a.pem)).toEqual({ client: 200, probe: true });
  await refuses(behind(100), a.pem);
});

async function refuses(chain: readonly HeldCertificate[], trust: TrustInput): Promise<void> {
  const { client, probe } = await visit(chain, trust);
  expect(String(client)).toMatch(/^MCP_TLS_(UNKNOWN_ISSUER|CHAIN_REFUSED|SELF_SIGNED)$/);
  expect(probe).toBe(false);
  expect(server?.bytes()).toBe(0);
}

async function visit(chain: readonly HeldCertificate[], trust: TrustInput) {
  server = await present(chain);
  const url = `https://localhost:${server.port}/mcp`;
  const client = await askOnce(url, trust);
  // Where the chain is beyond the bound there may be no certificate to show.
  const peer = await fetchPeerCertificate(url, { trust }).catch(() => undefined);
  return { client, probe: peer?.trusted ?? false };
}

async function ladder(top: HeldCertificate, count: number): Promise<HeldCertificate[]> {
  const key = ecKey();
  const chain: HeldCertificate[] = [];
  for (let n = 0; n < count; n++) {
    chain.unshift(await certificateOf(key, { isCa: true, signedBy: chain[0] ?? top }));
  }
  return [await heldCertificate({ signedBy: chain[0] as HeldCertificate }), ...chain];
}
