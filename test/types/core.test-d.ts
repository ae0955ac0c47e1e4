/**
 * What has to compile against `mcp-tls/core`, `/redis`, `/store` and `/testing`, and what must not.
 * Compiled by `api.test.ts` against the built declarations, with and without the DOM library; never run.
 */
import * as core from 'mcp-tls/core';
import { type RedisClientLike, redisStorage } from 'mcp-tls/redis';
import * as store from 'mcp-tls/store';
import * as testing from 'mcp-tls/testing';

type Same<A, B> =
  (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
declare function holds<Claim extends true>(claim?: Claim): void;

declare const pem: string;
declare const unset: string | undefined;
declare const der: Buffer;
declare const signal: AbortSignal;
const { makeCustomClientFactory: factoryFor } = core;
const url = 'https://10.0.0.5:8443/mcp';

// ───────── Whom to trust: what says it ─────────
factoryFor(pem);
factoryFor(null);
factoryFor({ ca: der });
factoryFor({ ca: [pem, der] });
factoryFor({ ca: pem, authority: true, crl: pem, serverName: 'a.example', pins: pem });
factoryFor({ ca: pem, roots: 'default', minVersion: 'TLSv1.3' });
factoryFor({ roots: 'default', pins: [pem] });
factoryFor({ roots: 'system', maxVersion: 'TLSv1.2' });
factoryFor({ ca: pem, roots: 'system', groups: ['X25519MLKEM768', 'X25519'] });
factoryFor({ identity: 'pin', pins: pem, allowExpired: true, serverName: 'a.example' });
factoryFor({ ca: pem, clientCertificate: { cert: pem, key: der, passphrase: pem } });
factoryFor({ ca: pem, clientCertificate: { pfx: der, passphrase: pem } });
factoryFor({ ca: pem, clientCertificate: { pfx: core.fromFile(pem) } });
factoryFor(core.checkTrust({ ca: pem }));
factoryFor(core.dangerouslyTrustAnyServer());

// ───────── ... and what does not ─────────
// @ts-expect-error nothing is said
factoryFor();
// @ts-expect-error a variable that may be unset
factoryFor(unset);
// @ts-expect-error a variable that may be unset
factoryFor({ ca: unset });
// @ts-expect-error bytes are { ca: bytes }
factoryFor(der);
// @ts-expect-error a list is { ca: list }
factoryFor([pem, pem]);
// @ts-expect-error an empty policy
factoryFor({});
// @ts-expect-error besides what?
factoryFor({ pins: [pem] });
// @ts-expect-error a name vouches for nothing
factoryFor({ serverName: 'a.example' });
// @ts-expect-error without a pin
factoryFor({ identity: 'pin' });
// @ts-expect-error the chain is not looked at under a pin
factoryFor({ identity: 'pin', pins: pem, ca: pem });
// @ts-expect-error nor are the roots
factoryFor({ identity: 'pin', pins: pem, roots: 'default' });
// @ts-expect-error of which certificates?
factoryFor({ roots: 'default', authority: true });
// @ts-expect-error nothing could be trusted
factoryFor({ roots: 'none' });
// @ts-expect-error half of a key pair
factoryFor({ ca: pem, clientCertificate: { cert: pem } });
// @ts-expect-error one file, or two
factoryFor({ ca: pem, clientCertificate: { pfx: der, cert: pem, key: pem } });
// @ts-expect-error a PKCS #12 file is no text
factoryFor({ ca: pem, clientCertificate: { pfx: pem } });
// @ts-expect-error finite-field Diffie-Hellman is not offered
factoryFor({ ca: pem, groups: 'ffdhe2048' });
// @ts-expect-error misspelt
factoryFor({ ca: pem, pin: pem });

// ───────── What carries fields of a policy is none ─────────
declare const peer: core.PeerCertificate;
declare const record: core.StoredCertificate;
declare const held: testing.HeldCertificate;
// @ts-expect-error
factoryFor(peer);
// @ts-expect-error
factoryFor(record);
// @ts-expect-error
factoryFor(held);
// @ts-expect-error an untrusted server may have no policy that would do
factoryFor(peer.suggestedPolicy);
if (peer.trusted) {
  factoryFor(peer.suggestedPolicy);
  holds<Same<typeof peer.problems, readonly []>>();
} else {
  holds<Same<(typeof peer.problems)[0], core.Problem>>();
}

// ───────── Step by step ─────────
const policy: core.TrustByCa = { ca: pem };
policy.serverName = 'a.example';
const options: core.CustomClientFactoryOptions = {};
options.proxy = 'env';
options.timeout = { connectMs: 5_000, headersMs: 0, idleMs: undefined, totalMs: 60_000 };
factoryFor(policy, options);
// @ts-expect-error a number says too little
factoryFor(pem, { timeout: 5_000 });
// @ts-expect-error the unit is in the name
factoryFor(pem, { timeout: { connect: 5_000 } });
factoryFor(pem, { origins: { 'https://login.internal': pem, 'https://public.example': null } });
// @ts-expect-error an origin has a scheme
factoryFor(pem, { origins: { 'login.internal': pem } });

// ───────── Clients ─────────
const factory = factoryFor(pem);
const client = factory({ url, headers: { a: 'b' }, auth: pem, signal });
holds<
  typeof client extends (url: string | URL, init?: RequestInit) => Promise<Response> ? true : false
>();
holds<typeof factory extends AsyncDisposable ? true : false>();
holds<typeof client extends AsyncDisposable ? true : false>();
void factory.close({ graceMs: 1_000 });
factory();
// @ts-expect-error whose header would it be?
factory({ headers: { a: 'b' } });
// @ts-expect-error whose token would it be?
factory({ auth: pem });

// ───────── Probe ─────────
void core.fetchPeerCertificate(url, {
  trust: core.checkTrust(pem),
  timeoutMs: 1_000,
  signal,
  expectFingerprint: pem,
});
// @ts-expect-error the unit is in the name
void core.fetchPeerCertificate(url, { timeout: 1_000 });

// ───────── Store ─────────
const key: core.RawKey = { id: 'a', key: pem };
const sealed = core.createCertificateStore({ keys: key, storage: new Map<string, string>() });
core.createCertificateStore({ keys: [key], retiredKeys: ['b'], storage: 'memory' });
core.createCertificateStore({
  keys: key,
  storage: core.directoryStorage('/var/lib/x', { watch: false }),
});
core.createCertificateStore({ keys: key, storage: redisStorage(new URL('redis://a')) });
declare const redisClient: RedisClientLike;
core.createCertificateStore({
  keys: key,
  storage: redisStorage(redisClient, { connectMs: 1, watch: true }),
});
// @ts-expect-error where?
core.createCertificateStore({ keys: key });
// @ts-expect-error a key that may be unset
core.createCertificateStore({ keys: { id: 'a', key: unset }, storage: 'memory' });
// @ts-expect-error the old name
core.createCertificateStore({ keys: key, keyv: new Map<string, string>() });
holds<typeof sealed extends AsyncDisposable ? true : false>();
void sealed.set('a', { url, trust: { identity: 'pin', pins: pem }, expiresAt: new Date() });
void sealed.set('a', record);
void sealed.trust('a').then((trust) => {
  // @ts-expect-error a record that is not there has to be handled
  factoryFor(trust);
  if (trust !== undefined) factoryFor(trust);
});
// ───────── Diagnostics ─────────
const listening: Disposable = core.onDiagnostic('mcp-tls:refused', (message) => {
  holds<Same<typeof message.code, core.ErrorCode>>();
  holds<Same<typeof message.id, string | undefined>>();
});
core.onDiagnostic('mcp-tls:request', async ({ connection }) => {
  holds<Same<typeof connection, 'new' | 'reused' | undefined>>();
});
// @ts-expect-error misspelt
core.onDiagnostic('mcp-tls:refusal', () => {});
holds<Same<keyof core.FactoryStats, 'pools' | 'connections' | 'idle' | 'requests' | 'waiting'>>();
declare const description: core.CertificateDescription;
holds<Same<typeof description.isSelfSigned, boolean | undefined>>();

const column: Record<string, unknown> = record;

// ───────── A store of one's own, and its parts ─────────
declare const backend: store.StoreBackendFactory;
declare const invalidation: store.Invalidation;
core.createCertificateStore({ keys: key, storage: store.createStorage({ backend, invalidation }) });
const sealer: store.CertificateSealer = store.createSealer({ keys: key, namespace: 'n' });
const passphrase: core.PassphraseKey = { id: 'p', passphrase: pem, salt: store.createSalt() };
const kms: store.KeyProvider = store.wrappedKeyProvider({
  wrap: async (bytes) => bytes,
  unwrap: async (bytes) => bytes,
});
core.createCertificateStore({ keys: kms, storage: 'memory' });
core.createCertificateStore({ keys: passphrase, storage: 'memory' });
factoryFor(store.trustPolicyOf(store.parseStoredCertificate(column)));
holds<Same<ReturnType<typeof sealed.trust>, Promise<core.ReadyTrust | undefined>>>();

// ───────── The kit takes our own clients, and any fetch ─────────
void testing.pinningBattery(
  ({ url: of, ...trust }) => factoryFor(trust as core.TrustPolicy)({ url: of }),
  { signal },
);
void testing.pinningBattery(() => fetch);
testing.definePinningTests(
  { describe: () => {}, it: Object.assign(() => {}, { skip: () => {} }) },
  () => fetch,
);
// @ts-expect-error it is up to the test runner
testing.definePinningTests(runner, () => fetch, { concurrency: 1 });
declare const runner: testing.TestRunner;
const heldOptions: testing.HeldCertificateOptions = { isCa: true };
heldOptions.ip = ['127.0.0.1'];
// @ts-expect-error the old name
heldOptions.ips = ['127.0.0.1'];
factoryFor({ ca: held.pem, clientCertificate: { cert: held.pem, key: held.keyPem } });
// @ts-expect-error a held certificate has more fields than a client certificate
factoryFor({ ca: held.pem, clientCertificate: held });

export { column, listening, sealer };
