import { Buffer } from 'node:buffer';
import type { X509Certificate } from 'node:crypto';
import { invalidArgument } from '../assert.js';
import { certificateExtensions, certificateFields } from '../certificate/certificate-fields.js';
import { contentBytes, DER_TAG, expectTag, readChildren, readElement } from '../certificate/der.js';
import { BASIC_CONSTRAINTS, KEY_USAGE } from './leaf-fitness.js';

const WHOSE = 'trust.serverName.uri';

/** SPIFFE-ID §2.3: no longer. */
const MAX_BYTES = 2048;

/** Whether a name of a checked policy is a URI: no host has these characters. */
export function isUri(name: string | undefined): name is string {
  return name?.includes('://') === true;
}

/**
 * Reads the URI that a certificate must carry. One of SPIFFE must be that of a workload, as the specification of
 * SPIFFE IDs has it; any other is taken as it is written, and compared so.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readUriIdentity(uri: string): string {
  if (uri.length > MAX_BYTES) invalidArgument(`${WHOSE} has more than ${MAX_BYTES} characters`);
  if (!/^[a-z][a-z0-9+.-]*:\/\/[!-~]+$/.test(uri)) {
    invalidArgument(`${WHOSE} must be an absolute URI, such as spiffe://example.org/billing`);
  }
  if (uri.startsWith('spiffe://') && !SPIFFE_ID.test(uri)) {
    invalidArgument(
      `${WHOSE} is no SPIFFE ID of a workload`,
      'It is spiffe://TRUST-DOMAIN/PATH: the domain in lower case, the path of letters, digits, dots, dashes and underscores; no port, query, fragment or slash at the end.',
    );
  }
  return uri;
}

/** SPIFFE-ID §2.1 and §2.2: segments are not empty, and are neither `.` nor `..`. */
const SPIFFE_ID = /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;

/**
 * Whether the certificate carries exactly one URI as subjectAltName (X509-SVID §2), byte for byte this one; and,
 * where it is one of SPIFFE, is no signing certificate (X509-SVID §5.2). Further names do not matter.
 */
export function carriesUri(leaf: X509Certificate, uri: string): boolean {
  try {
    const extensions = certificateExtensions(certificateFields(leaf.raw));
    const names = extensions.filter(({ oid }) => oid === SUBJECT_ALT_NAME);
    const [name] = names;
    if (name === undefined || names.length > 1) return false;
    const uris = urisOf(name.value);
    if (uris.length !== 1 || !Buffer.from(uri, 'latin1').equals(uris[0] as Uint8Array))
      return false;
    return !uri.startsWith('spiffe://') || !maySign(leaf, extensions);
  } catch {
    return false;
  }
}

function urisOf(value: Uint8Array): readonly Uint8Array[] {
  const list = expectTag(readElement(value, 0, value.length), DER_TAG.sequence, 'names');
  if (list.end !== value.length) throw new RangeError('names that are not one element of DER');
  return readChildren(value, list)
    .filter(({ tag }) => tag === URI_TAG)
    .map((name) => contentBytes(value, name));
}

function maySign(
  leaf: X509Certificate,
  extensions: readonly { readonly oid: string; readonly value: Uint8Array }[],
): boolean {
  const usages = extensions.filter(({ oid }) => oid === KEY_USAGE);
  const signs = usages.some(({ value }) => {
    const bits = expectTag(readElement(value, 0, value.length), DER_TAG.bitString, 'usages');
    return ((contentBytes(value, bits)[1] ?? 0) & SIGNING) !== 0;
  });
  const isConstrained = extensions.some(({ oid }) => oid === BASIC_CONSTRAINTS);
  return signs || (isConstrained && leaf.ca);
}

const SUBJECT_ALT_NAME = '2.5.29.17';
/** Of GeneralName, RFC 5280 §4.2.1.6. */
const URI_TAG = 0x86;
/** keyCertSign and cRLSign. */
const SIGNING = 0b0000_0110;
