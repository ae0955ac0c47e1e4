/** 9. Approved certificates in an encrypted store, over a Keyv or Redis. */
import Keyv from 'keyv';
import {
  createCertificateStore,
  type EncryptedCertificateStore,
  fetchPeerCertificate,
  streamableHttpClient,
} from 'mcp-tls';
import { redisStorage } from 'mcp-tls/redis';

type Keys = { readonly id: string; readonly key: string };

export const overKeyv = (keys: Keys) =>
  createCertificateStore({ keys, storage: new Keyv(), whenEmpty: 'create' });

export const overRedis = (keys: Keys, url: string) =>
  createCertificateStore({ keys, storage: redisStorage(url), whenEmpty: 'create' });

export async function approve(
  store: EncryptedCertificateStore,
  { id, url, compared }: { id: string; url: string; compared: string },
): Promise<void> {
  const { pem } = await fetchPeerCertificate(url, { expectFingerprint: compared });
  await store.set(id, { url, trust: pem, approvedBy: 'ops' });
}

export async function transportFor(store: EncryptedCertificateStore, id: string, url: string) {
  const trust = await store.trust(id);
  if (trust === undefined) throw new Error(`${id} is not approved`);
  return streamableHttpClient(url, { trust });
}
