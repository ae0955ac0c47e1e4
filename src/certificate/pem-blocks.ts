import { Buffer } from 'node:buffer';
import { invalidCertificate } from './invalid-certificate.js';

/** What a PEM label announces. `other` is never named: a label is as hostile as a body. */
export type PemKind = 'certificate' | 'trusted certificate' | 'other';

/** One block between a BEGIN and an END line. */
export interface PemBlock {
  readonly kind: PemKind;
  /** For messages: "a private key". */
  readonly what: string;
  /** The text between the lines, not decoded: most kinds are none of our business. */
  readonly body: string;
}

/**
 * Finds the PEM blocks of `text` in one pass over its lines (RFC 7468 §3). Text outside the blocks
 * is skipped, since `openssl x509 -text`, `openssl s_client` and PKCS #12 exports write some.
 *
 * A line that begins a block but is damaged is an error, never mere text: a trust anchor must not
 * vanish from a bundle because its dashes were mangled.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function pemBlocks(text: string): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let label: string | undefined;
  let body: string[] = [];
  for (const line of lines(text)) {
    if (label === undefined) {
      label = beginLabel(line);
      body = [];
    } else if (line === `-----END ${label}-----`) {
      blocks.push({ ...kindOf(label), body: body.join('') });
      label = undefined;
    } else if (line.includes('-----')) {
      invalidCertificate('A PEM block that is not closed by an END line of the same label');
    } else {
      body.push(line);
    }
  }
  if (label !== undefined) {
    invalidCertificate('A PEM block that is cut off: its END line is missing');
  }
  return blocks;
}

/**
 * The bytes of a block's body.
 *
 * Node's decoder skips what it does not know and stops at the first `=`, so the text is checked
 * first: the alphabet, and padding at the end only (RFC 4648 §3.3). Stray bits under the padding pass
 * (§3.5 allows it and mbedtls' tests have such a file): the DER inside is checked to the byte.
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function decodeBody(block: PemBlock): Uint8Array {
  if (block.body.includes(':')) {
    invalidCertificate('A PEM block with header lines inside, which certificates do not have');
  }
  const base64 = block.body.replaceAll(/[ \t]/g, '');
  if (base64 === '') {
    invalidCertificate('A PEM block that is empty');
  }
  if (base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(base64)) {
    invalidCertificate('A PEM block that does not decode: its base64 is damaged');
  }
  return Buffer.from(base64, 'base64');
}

function* lines(text: string): Generator<string> {
  // CRLF becomes an empty line more, which changes nothing; a lone CR is an old line break.
  const unified = text.replaceAll('\r', '\n');
  for (let start = 0; start <= unified.length; ) {
    const found = unified.indexOf('\n', start);
    const end = found === -1 ? unified.length : found;
    yield unified.slice(start, end).trim();
    start = end + 1;
  }
}

const MARKERS = ['-----BEGIN', '-----END', 'BEGIN CERTIFICATE', 'END CERTIFICATE'] as const;

function beginLabel(line: string): string | undefined {
  if (!MARKERS.some((marker) => line.includes(marker))) {
    return undefined;
  }
  if (line.includes('\\n')) {
    invalidCertificate(
      'A PEM whose line breaks are the two characters backslash and n: turn them into line breaks',
    );
  }
  if (line.startsWith('-----END')) {
    invalidCertificate('A PEM block that is cut off: its BEGIN line is missing');
  }
  const label = line.slice('-----BEGIN '.length, -'-----'.length);
  if (!line.startsWith('-----BEGIN ') || !line.endsWith('-----') || label.includes('-----')) {
    invalidCertificate(
      'A PEM whose BEGIN or END line is damaged or does not stand on a line of its own',
    );
  }
  return label;
}

function kindOf(label: string): Pick<PemBlock, 'kind' | 'what'> {
  switch (label) {
    case 'CERTIFICATE':
    // An old label that OpenSSL still reads. The content is the same.
    case 'X509 CERTIFICATE':
      return { kind: 'certificate', what: 'a certificate' };
    case 'TRUSTED CERTIFICATE':
      return { kind: 'trusted certificate', what: 'a certificate' };
    case 'CERTIFICATE REQUEST':
    case 'NEW CERTIFICATE REQUEST':
      return { kind: 'other', what: 'a certificate signing request (CSR)' };
    case 'X509 CRL':
      return { kind: 'other', what: 'a certificate revocation list (CRL)' };
    case 'PKCS7':
    case 'PKCS #7 SIGNED DATA':
    case 'CMS':
      return { kind: 'other', what: 'a PKCS #7 bundle' };
    case 'PUBLIC KEY':
    case 'RSA PUBLIC KEY':
      return { kind: 'other', what: 'a public key' };
    case 'EC PARAMETERS':
    case 'DH PARAMETERS':
      return { kind: 'other', what: 'key parameters' };
    default:
      return label.endsWith('PRIVATE KEY')
        ? { kind: 'other', what: 'a private key' }
        : { kind: 'other', what: 'a PEM block of another kind' };
  }
}
