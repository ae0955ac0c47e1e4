import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { fingerprint256, spkiPin } from '../certificate/fingerprint.js';

/** A parsed pin: the SHA-256 of a public key (SubjectPublicKeyInfo) or of a whole certificate. */
export interface Pin {
  readonly of: 'key' | 'certificate';
  /** Canonical: `sha256/BASE64` for a key, colon hex for a certificate. */
  readonly text: string;
}

/** Base64 of 32 bytes: 43 characters and one `=`. */
const BASE64_DIGEST = /^[A-Za-z0-9+/]{43}=$/;
const HEX_DIGEST = /^[0-9a-f]{64}$/i;
const COLON_HEX_DIGEST = /^[0-9a-f]{2}(?::[0-9a-f]{2}){31}$/i;

/**
 * Reads a pin in any of its usual spellings.
 *
 * Of the key: `sha256/BASE64` (OkHttp, Android), `sha256//BASE64` (curl), `pin-sha256="BASE64"`
 * (RFC 7469 §2.1.1). Of the certificate: `SHA256:HEX`, colon hex with or without the
 * `sha256 Fingerprint=` that `openssl x509 -fingerprint -sha256` prints before it, and plain hex
 * (`sha256sum` of the DER).
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readPin(input: unknown): Pin {
  if (typeof input !== 'string') invalidArgument('a pin must be a string');
  const pin = input.trim();
  if (pin === '') invalidArgument('a pin is empty: is the variable set that it comes from?');
  const key = /^(?:sha256\/(.+)|pin-sha256="(.+)")$/i.exec(pin);
  const base64 = key?.[1] ?? key?.[2];
  // Base64 may begin with a slash too, so only the length distinguishes curl's second slash from it.
  if (base64 !== undefined) return readKeyPin(base64.replace(/^\/(?=.{44}$)/, ''));
  const digest = pin.replace(/^sha-?256(?:[ :]fingerprint=|:|=)\s*/i, '');
  if (HEX_DIGEST.test(digest) || COLON_HEX_DIGEST.test(digest)) {
    const pairs = digest.replaceAll(':', '').toUpperCase().match(/../g) ?? [];
    return { of: 'certificate', text: pairs.join(':') };
  }
  if (/^(sha-?1\b|([0-9a-f]{2}:){19}[0-9a-f]{2}$|[0-9a-f]{40}$)/i.test(pin)) {
    invalidArgument('a SHA-1 pin proves nothing any more: use the SHA-256 one');
  }
  return invalidArgument(
    'a pin is sha256/BASE64 (of the key), or SHA256:HEX or colon hex (of the certificate)',
  );
}

function readKeyPin(base64: string): Pin {
  // Also refuses base64 whose last bits are not zero: two spellings of one digest.
  const canonical = Buffer.from(base64, 'base64').toString('base64') === base64;
  if (!BASE64_DIGEST.test(base64) || !canonical) {
    invalidArgument(
      'a pin of a key is the base64 of 32 bytes, 44 characters long',
      /^[0-9a-f:]{64,95}$/i.test(base64)
        ? 'This looks like the fingerprint of a certificate: write `SHA256:` before it, instead of `sha256/`.'
        : undefined,
    );
  }
  return { of: 'key', text: `sha256/${base64}` };
}

/** Whether the certificate is, or has the key of, this pin. Digests are no secrets. */
export function matchesPin(certificate: X509Certificate, pin: Pin): boolean {
  if (pin.of === 'certificate') return fingerprint256(certificate) === pin.text;
  try {
    return spkiPin(certificate) === pin.text;
  } catch {
    // Of an encoding in which the key cannot be found.
    return false;
  }
}

/** As {@link matchesPin}, of a certificate whose digests are known. */
export function pinMatches(
  pin: Pin,
  digests: { readonly spkiPin: string; readonly fingerprint: string },
): boolean {
  return pin.text === (pin.of === 'key' ? digests.spkiPin : digests.fingerprint);
}
