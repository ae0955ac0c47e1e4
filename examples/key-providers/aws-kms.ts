/**
 * Data keys that are wrapped by AWS KMS:
 *
 *     import { KMS } from '@aws-sdk/client-kms';
 *     const keys = awsKms({ kms: new KMS({ region }), keyId: 'alias/gateway' });
 *     const store = createCertificateStore({ keys, storage });
 *
 * The role needs `kms:Encrypt` and `kms:Decrypt` on the key. Every data key is bound to an encryption context,
 * which stands in CloudTrail and can be demanded by the key's policy. KMS keeps old key material after a
 * rotation of its own, so nothing has to be sealed anew for one.
 */
import { type KeyProvider, wrappedKeyProvider } from 'mcp-tls/store';

/** What is used of `KMS` of `@aws-sdk/client-kms`. */
export interface KmsLike {
  encrypt(input: KmsInput & { Plaintext: Uint8Array }, options?: KmsOptions): Promise<KmsAnswer>;
  decrypt(
    input: KmsInput & { CiphertextBlob: Uint8Array },
    options?: KmsOptions,
  ): Promise<KmsAnswer>;
}

interface KmsInput {
  KeyId: string;
  EncryptionContext: Record<string, string>;
}

interface KmsOptions {
  abortSignal?: AbortSignal;
}

interface KmsAnswer {
  Plaintext?: Uint8Array | undefined;
  CiphertextBlob?: Uint8Array | undefined;
}

export function awsKms({ kms, keyId }: { kms: KmsLike; keyId: string }): KeyProvider {
  const which = { KeyId: keyId, EncryptionContext: { purpose: 'mcp-tls' } };
  return wrappedKeyProvider({
    async wrap(dataKey, { signal }) {
      const input = { ...which, Plaintext: dataKey };
      const { CiphertextBlob } = await kms.encrypt(input, { abortSignal: signal });
      if (CiphertextBlob === undefined) throw new Error('KMS gave no ciphertext');
      return CiphertextBlob;
    },
    async unwrap(wrapped) {
      try {
        const { Plaintext } = await kms.decrypt({ ...which, CiphertextBlob: wrapped });
        return Plaintext;
      } catch (error) {
        // The key is not there, or wrapped by another one: known, and no failure of the service.
        const { name } = error as Error;
        if (name === 'NotFoundException' || name === 'IncorrectKeyException') return undefined;
        throw error;
      }
    },
  });
}
