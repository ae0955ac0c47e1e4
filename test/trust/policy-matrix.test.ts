import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TrustInput, TrustPolicy } from '../../src/index.js';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { askOnce } from '../support/ask-once.js';

/**
 * Every policy against every server, over real handshakes: what is accepted, what is refused with
 * which code, and that a refused server saw nothing. The expected grid was written down first, from
 * what the fields promise; `npm run test:trust` prints it with what came of it.
 */

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

/** Short names of the outcomes, for the grid. */
const OUTCOMES: Readonly<Record<string, string>> = {
  ok: 'accepted',
  self: 'MCP_TLS_SELF_SIGNED',
  issuer: 'MCP_TLS_UNKNOWN_ISSUER',
  name: 'MCP_TLS_NAME_MISMATCH',
  end: 'MCP_TLS_EXPIRED',
  pin: 'MCP_TLS_PIN_MISMATCH',
  mtls: 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED',
  rev: 'MCP_TLS_REVOKED',
};

/**
 * One row a policy, one column a server.
 *
 * own: self-signed A. impostor: its names, another key. renewed: A's key, a new certificate.
 * nameless: A's key, no names. expired: A's key, ended. rogue: a leaf signed with the key of S, a
 * self-signed CA:TRUE server certificate. leaf: below the root R. sibling: another leaf below R.
 * revoked: a leaf below R, on R's list. mtls: a leaf below R, demands a client certificate.
 */
const GRID = `
                    own      impostor renewed  nameless expired  rogue    leaf     sibling  revoked  mtls
default roots       self     self     self     self     end      issuer   issuer   issuer   issuer   issuer
ca A                ok       self     self     self     end      issuer   issuer   issuer   issuer   issuer
ca A, no authority  ok       self     self     self     end      issuer   issuer   issuer   issuer   issuer
ca A + renewed      ok       self     ok       self     end      issuer   issuer   issuer   issuer   issuer
ca S (own)          self     self     self     self     end      issuer   issuer   issuer   issuer   issuer
ca S, authority     self     self     self     self     end      ok       issuer   issuer   issuer   issuer
ca R                self     self     self     self     end      issuer   ok       ok       ok       mtls
ca leaf             self     self     self     self     end      issuer   ok       issuer   issuer   issuer
ca R, pin leaf      pin      pin      pin      pin      pin      pin      ok       pin      pin      pin
ca R, backup pins   pin      pin      pin      pin      pin      pin      ok       ok       pin      pin
ca R, crl           self     self     self     self     end      issuer   ok       ok       rev      mtls
ca R, client cert   self     self     self     self     end      issuer   ok       ok       ok       ok
ca R, other name    self     self     self     self     end      issuer   name     name     name     name
pin key A           ok       pin      ok       ok       end      pin      pin      pin      pin      pin
pin key A, expired  ok       pin      ok       ok       ok       pin      pin      pin      pin      pin
pin certificate A   ok       pin      pin      pin      pin      pin      pin      pin      pin      pin
ca A, pin, expired  ok       pin      self     self     self     pin      pin      pin      pin      pin
`;

interface World {
  readonly servers: Readonly<Record<string, HeldCertificate>>;
  readonly policies: Readonly<Record<string, TrustPolicy | null>>;
  readonly clientCa: HeldCertificate;
}

let world: World;

async function makeWorld(): Promise<World> {
  const own = await heldCertificate();
  const renewed = await heldCertificate({ renewFrom: own });
  const s = await heldCertificate({ isCa: true, ip: ['127.0.0.1'] });
  const root = await heldCertificate({ isCa: true });
  const below = () => heldCertificate({ signedBy: root });
  const [leaf, sibling, revoked, mtls] = await Promise.all([below(), below(), below(), below()]);
  const client = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
  const past = { notBefore: daysFromNow(-2), notAfter: daysFromNow(-1) };
  const ca = root.pem;
  const key = [own.spkiPin];
  return {
    clientCa: client,
    servers: {
      own,
      impostor: await heldCertificate(),
      renewed,
      nameless: await heldCertificate({ renewFrom: own, san: 'none' }),
      expired: await heldCertificate({ renewFrom: own, ...past }),
      rogue: await heldCertificate({ signedBy: s }),
      leaf,
      sibling,
      revoked,
      mtls,
    },
    policies: {
      'default roots': null,
      'ca A': { ca: own.pem },
      'ca A, no authority': { ca: own.pem, authority: false },
      'ca A + renewed': { ca: [own.pem, renewed.pem] },
      'ca S (own)': { ca: s.pem },
      'ca S, authority': { ca: s.pem, authority: true },
      'ca R': { ca },
      'ca leaf': { ca: leaf.pem },
      'ca R, pin leaf': { ca, pins: [leaf.spkiPin] },
      'ca R, backup pins': { ca, pins: [leaf.spkiPin, sibling.spkiPin] },
      'ca R, crl': { ca, crl: revocationList({ issuer: root, revoked: [revoked] }) },
      'ca R, client cert': {
        ca,
        clientCertificate: { cert: client.pem, key: client.keyPem },
      },
      'ca R, other name': { ca, serverName: 'other.example' },
      'pin key A': { identity: 'pin', pins: key },
      'pin key A, expired': { identity: 'pin', pins: key, allowExpired: true },
      'pin certificate A': { identity: 'pin', pins: [`SHA256:${own.fingerprint}`] },
      'ca A, pin, expired': { ca: own.pem, pins: key, allowExpired: true },
    },
  };
}

const [head = '', ...lines] = GRID.split('\n').filter((line) => line.trim() !== '');
const servers = head.trim().split(/\s+/);
const cells = lines.flatMap((line) => {
  const policy = line.slice(0, 20).trim();
  const expected = line.slice(20).trim().split(/\s+/);
  return servers.map((server, i) => ({ policy, server, expected: expected[i] ?? '' }));
});

describe(`${cells.length} cells`, () => {
  const seen: object[] = [];
  beforeAll(async () => {
    world = await makeWorld();
    expect(Object.keys(world.policies)).toEqual([...new Set(cells.map(({ policy }) => policy))]);
    expect(Object.keys(world.servers)).toEqual(servers);
    expect(cells.length).toBeGreaterThanOrEqual(60);
  });
  afterAll(() => {
    const file = process.env['MCP_TLS_TRUST_REPORT'];
    if (file !== undefined) writeFileSync(file, JSON.stringify(seen));
  });

  it.each(cells)('$policy / $server: $expected', async ({ policy, server: name, expected }) => {
    const certificate = world.servers[name] as HeldCertificate;
    await using server = await startTlsServer({ certificate });
    if (name === 'mtls') server.requireClientCertificate(world.clientCa);
    const answer = await askOnce(server.url, world.policies[policy] as TrustInput);
    const outcome = answer === 200 ? 'accepted' : answer;
    const got = Object.keys(OUTCOMES).find((key) => OUTCOMES[key] === outcome) ?? outcome;
    const { applicationBytes: bytes, connections } = server.records;
    seen.push({ policy, server: name, expected, got, bytes, connections });
    expect(outcome).toBe(OUTCOMES[expected]);
    if (expected === 'ok') expect(bytes).toBeGreaterThan(0);
    // A TLS 1.3 server says that it misses a client certificate only after the handshake, when
    // the request is on its way: it was trusted, so that is no leak.
    else if (expected !== 'mtls') expect(bytes).toBe(0);
    expect(connections).toBe(1);
  });
});
