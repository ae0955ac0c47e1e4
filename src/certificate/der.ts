import { invalidCertificate } from './invalid-certificate.js';

/** One tag-length-value of a DER encoding, as offsets into the bytes it was read from. */
export interface DerElement {
  /** The identifier octet, class and constructed bit included: 0x30 is a SEQUENCE. */
  readonly tag: number;
  /** Offset of the identifier octet. */
  readonly start: number;
  /** Offset of the first content octet. */
  readonly content: number;
  /** Offset after the last content octet. */
  readonly end: number;
}

/** The universal tags that a certificate's frame is made of. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
} as const;

/**
 * Reads the element at `offset`, which must end at or before `limit`.
 *
 * Strict where OpenSSL is lenient: an indefinite length, or one that is longer than it need be, is
 * BER. Two encodings of one certificate have two fingerprints, so BER is refused (X.690 §10.1).
 *
 * @throws TlsConfigError `MCP_TLS_INVALID_CERTIFICATE`
 */
export function readElement(bytes: Uint8Array, offset: number, limit: number): DerElement {
  const tag = byteAt(bytes, offset, limit);
  if ((tag & 0x1f) === 0x1f) {
    invalidCertificate('Not DER: a tag number that no certificate has');
  }
  const first = byteAt(bytes, offset + 1, limit);
  if (first < 0x80) {
    return bounded({ tag, start: offset, content: offset + 2, end: offset + 2 + first }, limit);
  }
  const count = first & 0x7f;
  // Four octets reach 4 GiB, far above any bound on the input: no number here can lose precision.
  if (count === 0 || count > 4) {
    invalidCertificate('Not DER: a length that is indefinite or out of range');
  }
  let length = 0;
  for (let i = 0; i < count; i++) {
    length = length * 256 + byteAt(bytes, offset + 2 + i, limit);
  }
  if (length < 0x80 || length < 256 ** (count - 1)) {
    invalidCertificate('Not DER: a length that is not in its shortest form');
  }
  const content = offset + 2 + count;
  return bounded({ tag, start: offset, content, end: content + length }, limit);
}

/** Reads the elements that make up the content of `parent`, without a byte left over. */
export function readChildren(bytes: Uint8Array, parent: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let offset = parent.content; offset < parent.end; ) {
    const child = readElement(bytes, offset, parent.end);
    children.push(child);
    offset = child.end;
  }
  return children;
}

/** `element`, if it is there and carries `tag`. */
export function expectTag(element: DerElement | undefined, tag: number, what: string): DerElement {
  if (element?.tag !== tag) {
    return invalidCertificate(`Not a certificate: ${what} is missing or of another type`);
  }
  return element;
}

/** The bytes of `element`, header included: a view, not a copy. */
export function rawBytes(bytes: Uint8Array, element: DerElement): Uint8Array {
  return bytes.subarray(element.start, element.end);
}

/** The content bytes of `element`: a view, not a copy. */
export function contentBytes(bytes: Uint8Array, element: DerElement): Uint8Array {
  return bytes.subarray(element.content, element.end);
}

/** The dotted form of an OBJECT IDENTIFIER. */
export function readOid(bytes: Uint8Array, element: DerElement | undefined): string {
  const { content, end } = expectTag(element, DER_TAG.oid, 'an object identifier');
  const arcs: number[] = [];
  let arc = 0;
  for (let i = content; i < end; i++) {
    const byte = byteAt(bytes, i, end);
    if (arc === 0 && byte === 0x80) {
      invalidCertificate('Not DER: an object identifier that is not in its shortest form');
    }
    arc = arc * 128 + (byte & 0x7f);
    // UUID-based arcs have 128 bits; none names an algorithm or an extension that we know.
    if (arc > Number.MAX_SAFE_INTEGER) {
      invalidCertificate('An object identifier with an arc beyond 2^53');
    }
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [head, ...rest] = arcs;
  if (head === undefined || byteAt(bytes, end - 1, end) >= 0x80) {
    return invalidCertificate('Not DER: an object identifier that is empty or cut off');
  }
  const root = Math.min(Math.floor(head / 40), 2);
  return [root, head - root * 40, ...rest].join('.');
}

function bounded(element: DerElement, limit: number): DerElement {
  if (element.end > limit) {
    invalidCertificate('Not DER: cut off, a length reaches beyond the data');
  }
  return element;
}

function byteAt(bytes: Uint8Array, offset: number, limit: number): number {
  const byte = offset < limit ? bytes[offset] : undefined;
  return byte ?? invalidCertificate('Not DER: cut off in the middle of an element');
}
