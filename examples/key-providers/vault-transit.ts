/**
 * Data keys that are wrapped by Vault's transit engine, over a connection that is pinned as any other:
 *
 *     const keys = vaultTransit({ address, token, key: 'gateway', trust: { ca: vaultCaPem } });
 *     const store = createCertificateStore({ keys, storage });
 *
 * The token needs `update` on `transit/encrypt/gateway` and `transit/decrypt/gateway`. To rotate: rotate the
 * key in Vault, start the processes with `minVersion` at its new version, `store.rewrap()`, and then raise
 * `min_decryption_version` in Vault.
 */
import { makeCustomClientFactory, type TrustInput } from 'mcp-tls';
import { type KeyProvider, wrappedKeyProvider } from 'mcp-tls/store';

export interface VaultTransit {
  /** `https://vault.internal:8200` */
  address: string;
  /** Read for each call: a token is renewed while the process runs. */
  token: () => string;
  /** The name of the key in the transit engine. */
  key: string;
  trust: TrustInput;
  /** Records whose data key an older version wrapped are sealed anew by `rewrap`. Default 1. */
  minVersion?: number;
}

export function vaultTransit({
  address,
  token,
  key,
  trust,
  minVersion = 1,
}: VaultTransit): KeyProvider {
  const factory = makeCustomClientFactory(trust, { timeout: { totalMs: 5_000 } });

  async function ask(verb: 'encrypt' | 'decrypt', body: object, signal?: AbortSignal) {
    const response = await factory()(new URL(`/v1/transit/${verb}/${key}`, address), {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-vault-token': token() },
      body: JSON.stringify(body),
      ...(signal && { signal }),
    });
    const { data, errors = [] } = (await response.json()) as {
      data?: Record<string, string>;
      errors?: readonly string[];
    };
    // What is known not to be there is another answer than a failure, of which the store says why.
    if (errors.some((error) => /encryption key not found/.test(error))) return undefined;
    if (!response.ok) throw new Error(`Vault answered ${response.status}: ${errors.join('; ')}`);
    return data;
  }

  return wrappedKeyProvider({
    async wrap(dataKey, { signal }) {
      const plaintext = Buffer.from(dataKey).toString('base64');
      const data = await ask('encrypt', { plaintext }, signal);
      if (data?.['ciphertext'] === undefined) throw new Error(`Vault has no key '${key}'`);
      return Buffer.from(data['ciphertext']);
    },
    async unwrap(wrapped) {
      const data = await ask('decrypt', { ciphertext: Buffer.from(wrapped).toString() });
      return data?.['plaintext'] === undefined
        ? undefined
        : Buffer.from(data['plaintext'], 'base64');
    },
    // vault:v3:...
    isCurrent: (wrapped) => Number(/^vault:v(\d+):/.exec(`${wrapped}`)?.[1]) >= minVersion,
  });
}
