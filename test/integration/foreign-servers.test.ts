import { beforeAll, describe, expect, it } from 'vitest';
import { fetchPeerCertificate } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { askOnce as ask } from '../support/ask-once.js';
import { startNginx } from '../support/nginx-server.js';
import { startOpenSslServer } from '../support/openssl-server.js';

/** Servers that were not written here and do not run on Node.js: `openssl s_server` and nginx. */

interface World {
  readonly selfSigned: HeldCertificate;
  readonly root: HeldCertificate;
  readonly leaf: HeldCertificate;
  readonly clientCa: HeldCertificate;
  readonly client: HeldCertificate;
}
let world: World;

beforeAll(async () => {
  const root = await heldCertificate({ isCa: true });
  const middle = await heldCertificate({ isCa: true, signedBy: root });
  const clientCa = await heldCertificate({ isCa: true });
  world = {
    selfSigned: await heldCertificate(),
    root,
    leaf: await heldCertificate({ signedBy: middle }),
    clientCa,
    client: await heldCertificate({ signedBy: clientCa, extendedKeyUsages: ['clientAuth'] }),
  };
});

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
type Version = (typeof VERSIONS)[number];

interface ForeignServer extends AsyncDisposable {
  readonly url: string;
  requests?(): Promise<readonly string[]>;
}

interface ServerKind {
  readonly name: string;
  start(
    certificate: HeldCertificate,
    version: Version,
    clientCa?: HeldCertificate,
  ): Promise<ForeignServer>;
}

const servers: readonly ServerKind[] = [
  {
    name: 'openssl s_server',
    start: (certificate, version, clientCa) =>
      startOpenSslServer({
        certificate,
        args: [version === 'TLSv1.2' ? '-tls1_2' : '-tls1_3'],
        ...(clientCa && { clientCa }),
      }),
  },
  {
    name: 'nginx',
    start: (certificate, protocols, clientCa) =>
      startNginx({ certificate, protocols, ...(clientCa && { clientCa }) }),
  },
];
const cases = servers.flatMap((server) => VERSIONS.map((version) => ({ ...server, version })));

describe.each(cases)('$name, $version', ({ name, version, start }) => {
  it('self-signed: read, trusted, and nobody else in its place', async () => {
    await using server = await start(world.selfSigned, version);
    const peer = await fetchPeerCertificate(server.url);
    expect(peer).toMatchObject({
      protocol: version,
      description: { fingerprint: world.selfSigned.fingerprint },
    });
    expect(await ask(server.url, peer.suggestedPolicy ?? null)).toBe(200);
    expect(await ask(server.url, null)).toBe('MCP_TLS_SELF_SIGNED');
    expect(await ask(server.url, world.root.pem)).toBe('MCP_TLS_SELF_SIGNED');
    if (server.requests) expect(await server.requests()).toEqual(['GET / 200']);
  });

  it('a chain: its root, its pin, and another root', async () => {
    await using server = await start(world.leaf, version);
    const ca = world.root.pem;
    expect((await fetchPeerCertificate(server.url)).chain).toHaveLength(2);
    expect(await ask(server.url, ca)).toBe(200);
    expect(await ask(server.url, { ca, pins: [world.leaf.spkiPin] })).toBe(200);
    expect(await ask(server.url, { identity: 'pin', pins: [world.leaf.spkiPin] })).toBe(200);
    expect(await ask(server.url, { ca, pins: [world.root.spkiPin] })).toBe('MCP_TLS_PIN_MISMATCH');
    expect(await ask(server.url, world.clientCa.pem)).toBe('MCP_TLS_UNKNOWN_ISSUER');
  });

  it('mutual TLS: with, without and with a foreign client certificate', async () => {
    await using server = await start(world.selfSigned, version, world.clientCa);
    const ca = world.selfSigned.pem;
    const show = ({ pem: cert, keyPem: key }: HeldCertificate) => ({
      ca,
      clientCertificate: { cert, key },
    });
    expect(await ask(server.url, show(world.client))).toBe(200);
    const stranger = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const [without, foreign] = [await ask(server.url, ca), await ask(server.url, show(stranger))];
    if (name === 'nginx') {
      // nginx finishes every handshake and answers 400 over http.
      expect([without, foreign]).toEqual([400, 400]);
    } else {
      expect([without, foreign]).toEqual([
        'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED',
        'MCP_TLS_CLIENT_CERTIFICATE_REFUSED',
      ]);
      const peer = await fetchPeerCertificate(server.url);
      expect(peer.problems.map(({ code }) => code)).toContain('client-certificate-required');
    }
  });

  it('the other TLS version is a mismatch under minVersion', async () => {
    await using server = await start(world.selfSigned, version);
    const trust = { ca: world.selfSigned.pem, minVersion: 'TLSv1.3' } as const;
    const expected = version === 'TLSv1.3' ? 200 : 'MCP_TLS_PROTOCOL_MISMATCH';
    expect(await ask(server.url, trust)).toBe(expected);
  });
});
