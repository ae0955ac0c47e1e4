import { Buffer } from 'node:buffer';

/**
 * An element of BER. PKCS #12 files are BER and not DER: browsers and Java libraries write lengths that are left
 * open, and octet strings in pieces.
 */
export interface BerElement {
  /** The first octet; tag numbers of more than 30 are not in use here. */
  readonly tag: number;
  readonly isConstructed: boolean;
  readonly content: Buffer;
}

/** Bytes that are no BER, or not of the form that was expected. */
export class NotBer extends Error {}

const MAX_DEPTH = 32;
const OCTET_STRING = 4;

/** Reads the one element that begins the bytes: of a file, what follows is padding. @throws {NotBer} */
export function readBer(bytes: Buffer): BerElement {
  return elementAt(bytes, 0, 0).element;
}

/** The elements inside of one that is constructed. @throws {NotBer} */
export function insideOf(element: BerElement | undefined): readonly BerElement[] {
  if (element?.isConstructed !== true) throw new NotBer();
  const inside: BerElement[] = [];
  for (let offset = 0; offset < element.content.length; ) {
    const { element: one, end } = elementAt(element.content, offset, 0);
    inside.push(one);
    offset = end;
  }
  return inside;
}

/** The one element inside an explicit tag. @throws {NotBer} */
export function onlyOne(element: BerElement | undefined): BerElement {
  const [one, ...others] = insideOf(element);
  if (one === undefined || others.length > 0) throw new NotBer();
  return one;
}

/** The octets of an octet string, in pieces or not, whatever its tag. @throws {NotBer} */
export function octetsOf(element: BerElement | undefined, depth = 0): Buffer {
  if (element === undefined || depth > MAX_DEPTH) throw new NotBer();
  if (!element.isConstructed) return element.content;
  const pieces = insideOf(element);
  if (pieces.some(({ tag }) => (tag & 0x1f) !== OCTET_STRING)) throw new NotBer();
  return Buffer.concat(pieces.map((piece) => octetsOf(piece, depth + 1)));
}

/** A whole number that is not negative. @throws {NotBer} */
export function numberOf(element: BerElement | undefined): number {
  if (element?.tag !== 2 || element.content.length === 0 || element.content.length > 6) {
    throw new NotBer();
  }
  const value = element.content.readUIntBE(0, element.content.length);
  if (((element.content[0] ?? 0) & 0x80) !== 0) throw new NotBer();
  return value;
}

/** Hex of an object identifier's content: what is compared, and never shown. @throws {NotBer} */
export function oidOf(element: BerElement | undefined): string {
  if (element?.tag !== 6) throw new NotBer();
  return element.content.toString('hex');
}

interface Read {
  readonly element: BerElement;
  readonly end: number;
}

function elementAt(bytes: Buffer, start: number, depth: number): Read {
  const [tag, first] = [bytes[start], bytes[start + 1]];
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f || depth > MAX_DEPTH) {
    throw new NotBer();
  }
  const isConstructed = (tag & 0x20) !== 0;
  if (first === 0x80) return openEnded(bytes, start, depth);
  let content = start + 2;
  let length = first;
  if (first > 0x80) {
    const count = first & 0x7f;
    if (count > 4 || content + count > bytes.length) throw new NotBer();
    length = bytes.readUIntBE(content, count);
    content += count;
  }
  const end = content + length;
  if (end > bytes.length) throw new NotBer();
  return { element: { tag, isConstructed, content: bytes.subarray(content, end) }, end };
}

/** Of a length that is left open, the content ends where two octets of zero stand in an element's place. */
function openEnded(bytes: Buffer, start: number, depth: number): Read {
  const tag = bytes[start] as number;
  if ((tag & 0x20) === 0) throw new NotBer();
  const content = start + 2;
  for (let offset = content; ; ) {
    if (bytes[offset] === 0 && bytes[offset + 1] === 0) {
      const element = { tag, isConstructed: true, content: bytes.subarray(content, offset) };
      return { element, end: offset + 2 };
    }
    offset = elementAt(bytes, offset, depth + 1).end;
  }
}
