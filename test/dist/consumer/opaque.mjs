// What one entry or build makes, all others take: trust, danger, storages.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

process.removeAllListeners('warning');
const require = createRequire(import.meta.url);
const names = ['mcp-tls', 'mcp-tls/core'];
const builds = [
  ...(await Promise.all(names.map((name) => import(name)))),
  ...names.map((name) => require(name)),
];
const redis = [await import('mcp-tls/redis'), require('mcp-tls/redis')];
const pem = readFileSync(process.env.TRUSTED_CERTIFICATE, 'utf8');
const keys = { id: 'k', key: new Uint8Array(32) };
const url = process.env.SERVER_URL;

for (const maker of builds) {
  const store = maker.createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
  await store.set('a', { url, trust: pem });
  const trusts = [maker.checkTrust(pem), await store.trust('a'), maker.dangerouslyTrustAnyServer()];
  const storage = maker.directoryStorage('/tmp/mcp-tls-none');
  for (const taker of builds) {
    for (const trust of trusts) {
      const factory = taker.makeCustomClientFactory(trust, {
        origins: { 'https://a.example': trust },
      });
      const response = await factory()(new URL('/nowhere', url));
      assert.equal(response.status, 404);
      assert.equal((await taker.fetchPeerCertificate(url, { trust })).trusted, true);
      taker.streamableHttpClient?.(url, { trust });
      await factory.close();
    }
    await taker.createCertificateStore({ keys, storage }).close();
    for (const { redisStorage } of redis) {
      await taker
        .createCertificateStore({
          keys,
          storage: redisStorage('redis://127.0.0.1:9', { watch: false }),
        })
        .close();
    }
  }
}
console.log('ok');
