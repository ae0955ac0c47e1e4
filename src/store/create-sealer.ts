import { invalidArgument } from '../assert.js';
import {
  custom,
  type Declaration,
  declareOptions,
  given,
  readOptions,
  required,
} from '../options.js';
import { type EnvelopeContext, envelopeKeyId, open, seal } from './envelope.js';
import { KEYS, type KeyRingInput, makeKeyRing, RETIRED_KEYS } from './key-ring.js';
import { parseStoredCertificate } from './record/parse-stored-certificate.js';
import { readSealedRecord } from './record/read-sealed-record.js';
import type { StoredCertificate } from './record/stored-certificate.js';
import { assertId, isNamespace, NAMESPACE } from './record-key.js';

/** Options of {@link createSealer}. */
export interface SealerOptions {
  /** As for `createCertificateStore`. */
  keys: KeyRingInput;
  /** As for `createCertificateStore`. */
  retiredKeys?: readonly string[];
  /** Sealed texts of one namespace do not open in another. Name it after the table and the column. */
  namespace: string;
}

const SEALER: Declaration<SealerOptions> = declareOptions<SealerOptions>('createSealer: options', {
  keys: required(KEYS),
  retiredKeys: given(RETIRED_KEYS),
  namespace: required(custom(NAMESPACE, isNamespace)),
});

/** For stores of host applications: what they write into a text column, and read from it. */
export interface CertificateSealer {
  /** @throws {TlsConfigError} for a record that is none; `StoreError` if a key provider fails */
  seal(id: string, record: StoredCertificate, revision: number): Promise<string>;
  /**
   * Opens what was sealed for the same id.
   *
   * @throws {StoreError} `MCP_TLS_STORE_TAMPERED`, `MCP_TLS_STORE_UNKNOWN_KEY`,
   *   `MCP_TLS_STORE_INVALID_RECORD`, `MCP_TLS_STORE_UNAVAILABLE`
   */
  open(id: string, text: string): Promise<{ record: StoredCertificate; revision: number }>;
  /** The id of the key that `text` is sealed with, not authenticated: for finding what to seal anew. */
  keyIdOf(text: string): string | undefined;
}

/**
 * The envelope of `createCertificateStore` alone, for an application that keeps its records in
 * its own tables. What a store adds is then the application's: proving that a row is absent, deadlines,
 * noticing that an old row was put back.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * const sealer = createSealer({ keys, namespace: 'gateways' });
 * const text = await sealer.seal('7', record, 1); // into gateways.certificate_pem
 */
export function createSealer(options: SealerOptions): CertificateSealer {
  const { keys, retiredKeys = [], namespace } = readOptions(SEALER, options);
  const ring = makeKeyRing(keys, 10_000, retiredKeys);
  const contextOf = (id: string): EnvelopeContext => {
    assertId(id);
    return { namespace, kind: 'record', id };
  };
  return {
    async seal(id, record, revision) {
      if (!Number.isSafeInteger(revision)) invalidArgument('revision must be a safe integer');
      const value = parseStoredCertificate(record);
      return seal(ring, contextOf(id), { revision, sealedAt: Date.now(), value });
    },
    async open(id, text) {
      const { value, revision } = await open(ring, contextOf(id), text);
      return { record: readSealedRecord(id, value), revision };
    },
    keyIdOf: envelopeKeyId,
  };
}
