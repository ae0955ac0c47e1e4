/** The same of `mcp-tls`, whose transports are the SDK's: its types need the DOM library. */

import type { FetchLike as V2Fetch, Transport as V2Transport } from '@modelcontextprotocol/client';
import type { FetchLike, Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import * as main from 'mcp-tls';
import * as core from 'mcp-tls/core';
import * as v2 from 'mcp-tls/v2';

declare function holds<Claim extends true>(claim?: Claim): void;
declare const pem: string;
declare const unset: string | undefined;
declare const signal: AbortSignal;
declare const server: main.RegisteredServer;
const url = 'https://10.0.0.5:8443/mcp';
const { makeCustomClientFactory: factoryFor, sseClient, streamableHttpClient } = main;

// ───────── Transports: exactly one of trust and clientFactory ─────────
const overHttp: Transport = streamableHttpClient(url, { trust: pem });
const overSse: Transport = sseClient(url, { trust: null });
streamableHttpClient(url, { clientFactory: factoryFor(pem), auth: pem, headers: { a: 'b' } });
streamableHttpClient(url, { trust: pem, proxy: 'env', origins: { 'https://login.internal': pem } });
sseClient(url, { trust: { ca: pem }, timeout: { totalMs: 1 }, requestInit: {}, lookup: undefined });
// @ts-expect-error whom to trust?
streamableHttpClient(url);
// @ts-expect-error whom to trust?
streamableHttpClient(url, {});
// @ts-expect-error a variable that may be unset
streamableHttpClient(url, { trust: unset });
// @ts-expect-error which of them is to hold?
streamableHttpClient(url, { trust: pem, clientFactory: factoryFor(pem) });
// @ts-expect-error the connections are shared
streamableHttpClient(url, { clientFactory: factoryFor(pem), proxy: 'env' });
// @ts-expect-error misspelt
streamableHttpClient(url, { truts: pem });
// @ts-expect-error one level off
streamableHttpClient(url, { trust: pem, pins: [pem] });
// @ts-expect-error the fetch is ours
streamableHttpClient(url, { trust: pem, fetch });
// @ts-expect-error a fetch in there would bypass the policy
sseClient(url, { trust: pem, eventSourceInit: { fetch } });
// @ts-expect-error a server's entry is no policy
factoryFor(server);

const client = factoryFor(pem)({ url });
const asPlatform: typeof globalThis.fetch = client;
const asSdk: FetchLike = client;
const own: main.ClientFactoryLike =
  ({ url: _url, headers: _headers, auth: _auth, timeout: _timeout, signal: _signal }) =>
  (input, init) =>
    fetch(input, init);
streamableHttpClient(url, { clientFactory: own });

// ───────── Registry ─────────
declare const store: main.CertificateStore;
const registry = main.createServerRegistry({
  store,
  timeout: { connectMs: 1 },
  approve: undefined,
});
void registry.register('a', url, { expectFingerprint: unset, signal });
void registry.register('a', url, { trust: { ca: pem }, labels: { team: 'x' }, expiresAt: null });
void registry.register('a', url, { approve: () => true, pin: 'key', approvedBy: unset });
void registry.check('a', { timeoutMs: 1, signal });
void registry.close({ graceMs: 1 });
// @ts-expect-error who says so?
void registry.register('a', url, { expectFingerprint: pem, approve: () => true });
// @ts-expect-error it is true, or not there
void registry.register('a', url, { trustOnFirstUse: false });
// @ts-expect-error what is registered applies
void registry.streamableHttpClient('a', { trust: pem });
holds<typeof registry extends AsyncDisposable ? true : false>();
const subscription: Disposable = registry.watch().on('expiring', (event) => {
  const days: number = event.daysLeft;
  const until: Date = event.validUntil;
  void [days, until];
});
// @ts-expect-error misspelt
registry.watch().on('expirng', () => {});
registry.watch().on('failed', async ({ error, first }) => void [error, first]);
void registry.list().then((entries) => {
  for (const entry of entries) {
    if (entry.error !== undefined) main.formatError(entry.error);
    else void entry.url;
  }
});
holds<Exclude<keyof typeof core, keyof typeof main> extends never ? true : false>();

// ───────── The three entries are one library ─────────
const overV2: V2Transport = v2.streamableHttpClient(url, { trust: pem });
const overV2Sse: V2Transport = v2.sseClient(url, { clientFactory: factoryFor(pem) });
const asV2Fetch: V2Fetch = client;
v2.streamableHttpClient(url, { trust: pem, onInsufficientScope: 'throw', maxStepUpRetries: 0 });
// @ts-expect-error whom to trust?
v2.streamableHttpClient(url, {});
// @ts-expect-error the fetch is ours
v2.sseClient(url, { trust: pem, fetch });
const registryV2 = v2.createServerRegistry({ store });
void registryV2.streamableHttpClient('a').then((transport: V2Transport) => transport);
const plain = core.createServerRegistry({ store });
// @ts-expect-error that needs an SDK
void plain.streamableHttpClient('a');
const asCore: core.ServerRegistry = registry;
const asCoreToo: core.ServerRegistry = registryV2;
holds<
  Exclude<keyof typeof main, keyof typeof core> extends 'streamableHttpClient' | 'sseClient'
    ? true
    : false
>();
holds<keyof typeof main extends keyof typeof v2 ? true : false>();
holds<keyof typeof v2 extends keyof typeof main ? true : false>();

export {
  asCore,
  asCoreToo,
  asPlatform,
  asSdk,
  asV2Fetch,
  overHttp,
  overSse,
  overV2,
  overV2Sse,
  subscription,
};
