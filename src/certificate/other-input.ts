import { Buffer } from 'node:buffer';
import { derKind } from './der-kind.js';

/** What was given instead of a certificate, as far as its looks go. Nothing of it is quoted. */
export interface OtherInput {
  readonly what: string;
  readonly hint?: string | undefined;
}

const FROM_P12 =
  'A client certificate is given as `clientCertificate: { pfx, passphrase }`. Or convert it: `openssl pkcs12 -in FILE.p12 -nokeys -out certificate.pem`, and its key by `openssl pkcs12 -in FILE.p12 -nocerts -nodes -out key.pem`.';

/** What to do about a kind of DER that is no certificate. */
export function hintForKind(kind: string): string | undefined {
  return kind === 'a PKCS #12 file' ? FROM_P12 : undefined;
}

/** What `text` without a PEM block is. A guess, only to explain: it never decides anything. */
export function otherInput(text: string): OtherInput {
  const trimmed = text.trim();
  if (trimmed === '') return { what: 'only white space' };
  if (text.includes('\0')) return { what: 'other binary data, or text in UTF-16' };
  if (FINGERPRINT.test(trimmed)) {
    return {
      what: 'what looks like a fingerprint or a pin',
      hint: "A fingerprint goes into a policy as a pin: `{ identity: 'pin', pins: '...' }`.",
    };
  }
  const kind = base64Kind(trimmed);
  if (kind !== undefined) return kind;
  if (PATH.test(trimmed)) {
    return {
      what: 'what looks like a path',
      hint: "Give what is in the file, not its path: `readFileSync(path, 'utf8')`.",
    };
  }
  return { what: 'text without a PEM block (a line "-----BEGIN CERTIFICATE-----")' };
}

const FINGERPRINT =
  /^(?:(?:sha-?(?:1|256)|pin-sha256)\b.*|(?:[0-9a-f]{2}:){19,31}[0-9a-f]{2}|[0-9a-f]{40}|[0-9a-f]{64})$/i;

/** One line with separators of a path, or with an ending that files of certificates have. */
const PATH =
  /^(?!.*[\r\n])(?:~?[\\/]|\.{1,2}[\\/]|[a-z]:[\\/]|file:|.*\.(?:pem|crt|cer|der|p7b|p12|pfx|key)$|[\w.-]+(?:[\\/][\w .-]+)+$)/i;

/** DER in base64, as `-----BEGIN` and `-----END` lines enclose it. A SEQUENCE begins with `MI`. */
function base64Kind(text: string): OtherInput | undefined {
  const base64 = text.replaceAll(/\s/g, '');
  if (!/^MI[A-Za-z0-9+/]{64,}={0,2}$/.test(base64)) return undefined;
  const kind = derKind(Buffer.from(base64, 'base64'));
  if (kind !== undefined) return { what: `${kind} in base64`, hint: hintForKind(kind) };
  return {
    what: 'base64 without its PEM lines',
    hint: 'Put the lines "-----BEGIN CERTIFICATE-----" and "-----END CERTIFICATE-----" around it.',
  };
}
