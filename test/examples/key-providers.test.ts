import { createCertificateStore, makeCustomClientFactory } from 'mcp-tls';
import { createStoredCertificate, type KeyProvider } from 'mcp-tls/store';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { awsKms, type KmsLike } from '../../examples/key-providers/aws-kms.js';
import { vaultTransit } from '../../examples/key-providers/vault-transit.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { type KeyService, startKmsDouble, startVaultDouble } from './support/key-services.js';

/** The worked key providers, over HTTPS doubles of the services. */

let certificate: HeldCertificate;
let rows: Map<string, string>;
const cache = { ttlMs: 0 };

beforeAll(async () => {
  certificate = await heldCertificate();
});

const open = (keys: KeyProvider) => createCertificateStore({ keys, storage: rows, cache });
const aRecord = () =>
  createStoredCertificate({ url: 'https://mcp.example/mcp', trust: certificate.pem });

describe('examples/key-providers/vault-transit.ts', () => {
  let vault: KeyService;
  beforeAll(async () => {
    rows = new Map();
    vault = await startVaultDouble(certificate);
  });
  afterAll(() => vault.close());

  const provider = (more: { minVersion?: number; key?: string; token?: string } = {}) =>
    vaultTransit({
      address: vault.url,
      token: () => more.token ?? 'the-token',
      key: more.key ?? 'gateway',
      trust: { ca: certificate.pem },
      ...(more.minVersion && { minVersion: more.minVersion }),
    });

  it('wraps one data key for many records, and another process unwraps it once', async () => {
    await using store = open(provider());
    await store.initialize();
    for (let i = 0; i < 5; i++) await store.set(`s${i}`, aRecord());
    expect(vault.calls).toHaveLength(1);
    await using other = open(provider());
    expect(await other.get('s3')).toBeDefined();
    expect((await other.list()).length).toBe(5);
    expect(vault.calls.slice(1).map((call) => call.split(' ')[0])).toEqual([
      '/v1/transit/decrypt/gateway',
    ]);
  });

  it('seals anew what an older version of the key has wrapped', async () => {
    vault.version = 2;
    await using store = open(provider({ minVersion: 2 }));
    expect(await store.rewrap()).toMatchObject({ total: 6, rewrapped: 6, failed: [] });
    await using again = open(provider({ minVersion: 2 }));
    expect(await again.rewrap()).toMatchObject({ rewrapped: 0, current: 6 });
  });

  it('reports why Vault refuses, and no token', async () => {
    await using store = open(provider({ token: 'not-the-token' }));
    const error = await store.get('s1').catch((e: unknown) => e as Error);
    expect(error).toMatchObject({ code: 'MCP_TLS_STORE_UNAVAILABLE' });
    expect((error as Error).message).toContain('403: permission denied');
    expect(JSON.stringify(error)).not.toContain('not-the-token');
  });

  it('distinguishes a key that is not there from a service that fails', async () => {
    await using missing = open(provider({ key: 'other' }));
    await expect(missing.get('s1')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_UNKNOWN_KEY' });
    vault.fail = 503;
    await using down = open(provider());
    await expect(down.get('s1')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_UNAVAILABLE' });
    vault.fail = undefined;
  });
});

describe('examples/key-providers/aws-kms.ts', () => {
  let kms: KeyService;
  beforeAll(async () => {
    rows = new Map();
    kms = await startKmsDouble(certificate);
  });
  afterAll(() => kms.close());

  /** Of the form of `KMS` of `@aws-sdk/client-kms`, over the double. */
  function client(): KmsLike {
    const factory = makeCustomClientFactory({ ca: certificate.pem });
    const call = async (operation: string, { ...input }: Record<string, unknown>) => {
      for (const [name, value] of Object.entries(input)) {
        if (value instanceof Uint8Array) input[name] = Buffer.from(value).toString('base64');
      }
      const response = await factory()(kms.url, {
        method: 'POST',
        headers: { 'x-amz-target': `TrentService.${operation}` },
        body: JSON.stringify(input),
      });
      const answer = (await response.json()) as Record<string, string>;
      if (!response.ok) {
        throw Object.assign(new Error('the double refuses'), { name: answer['__type'] });
      }
      return Object.fromEntries(
        Object.entries(answer).map(([name, text]) => [name, Buffer.from(text, 'base64')]),
      );
    };
    return {
      encrypt: (input) => call('Encrypt', { ...input }),
      decrypt: (input) => call('Decrypt', { ...input }),
    };
  }

  it('wraps, unwraps, and needs nothing sealed anew', async () => {
    await using store = open(awsKms({ kms: client(), keyId: 'alias/gateway' }));
    await store.initialize();
    await store.set('x', aRecord());
    await using other = open(awsKms({ kms: client(), keyId: 'alias/gateway' }));
    expect(await other.get('x')).toBeDefined();
    expect(await other.rewrap()).toMatchObject({ rewrapped: 0, current: 2 });
  });

  it('distinguishes another key from a service that fails', async () => {
    await using foreign = open(awsKms({ kms: client(), keyId: 'alias/other' }));
    await expect(foreign.get('x')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_UNKNOWN_KEY' });
    kms.fail = 500;
    await using down = open(awsKms({ kms: client(), keyId: 'alias/gateway' }));
    await expect(down.get('x')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_UNAVAILABLE' });
    kms.fail = undefined;
  });
});
