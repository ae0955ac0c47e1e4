/**
 * The few ASN.1 shapes that a certificate is made of, each as one function that returns DER.
 * Working on finished bytes keeps the parts of a certificate independent of each other: a defect is
 * a change of bytes, not a special case of a class.
 */
import {
  Boolean as Asn1Boolean,
  BitString,
  fromBER,
  GeneralizedTime,
  Integer,
  Null,
  ObjectIdentifier,
  OctetString,
  PrintableString,
  UTCTime,
  Utf8String,
} from 'asn1js';
import { invalidArgument } from '../assert.js';

/** A finished DER element. */
export type Der = Uint8Array;

/** SEQUENCE. */
export function sequence(...content: readonly Der[]): Der {
  return element(0x30, content);
}

/** SET; the caller has put the elements into DER order. */
export function set(...content: readonly Der[]): Der {
  return element(0x31, content);
}

/** `[tag] EXPLICIT`, or a constructed `[tag] IMPLICIT`. */
export function contextConstructed(tag: number, ...content: readonly Der[]): Der {
  return element(0xa0 | tag, content);
}

/** A primitive `[tag] IMPLICIT`. */
export function contextPrimitive(tag: number, content: Uint8Array): Der {
  return element(0x80 | tag, [content]);
}

export function objectIdentifier(value: string): Der {
  const block = new ObjectIdentifier({ value });
  if (block.getValue() !== value) invalidArgument(`'${value}' is not an object identifier`);
  return encode(block);
}

export function integer(value: bigint): Der {
  return encode(Integer.fromBigInt(value));
}

export function boolean(value: boolean): Der {
  return encode(new Asn1Boolean({ value }));
}

export function nullValue(): Der {
  return encode(new Null());
}

export function octetString(content: Uint8Array): Der {
  return encode(new OctetString({ valueHex: content }));
}

export function bitString(content: Uint8Array, unusedBits = 0): Der {
  return encode(new BitString({ valueHex: content, unusedBits }));
}

export function utf8String(value: string): Der {
  return encode(new Utf8String({ value }));
}

export function printableString(value: string): Der {
  return encode(new PrintableString({ value }));
}

/** UTCTime for the years that it can express, GeneralizedTime for all others (RFC 5280 §4.1.2.5). */
export function time(value: Date): Der {
  const year = value.getUTCFullYear();
  const whole = new Date(Math.floor(value.getTime() / 1000) * 1000);
  return encode(
    year >= 1950 && year < 2050
      ? new UTCTime({ valueDate: whole })
      : new GeneralizedTime({ valueDate: whole }),
  );
}

/** The elements inside a SEQUENCE, each with its own tag and length. */
export function children(der: Uint8Array): Der[] {
  const { offset, result } = fromBER(der);
  const inner = (result.valueBlock as { value?: unknown }).value;
  if (offset < 0 || !Array.isArray(inner)) invalidArgument('not a DER sequence');
  return inner.map((block: { valueBeforeDecodeView: Uint8Array }) =>
    block.valueBeforeDecodeView.slice(),
  );
}

function encode(block: { toBER(): ArrayBuffer }): Der {
  return new Uint8Array(block.toBER());
}

function element(tag: number, content: readonly Uint8Array[]): Der {
  const body = Buffer.concat(content);
  return Buffer.concat([Buffer.from([tag, ...lengthOctets(body.length)]), body]);
}

function lengthOctets(length: number): number[] {
  if (length < 0x80) return [length];
  const octets: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) octets.unshift(rest % 256);
  return [0x80 | octets.length, ...octets];
}
