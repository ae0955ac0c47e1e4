import { type Declaration, declareOptions, given, readOptions, text } from '../options.js';
import { type Der, objectIdentifier, printableString, sequence, set, utf8String } from './der.js';

const ATTRIBUTES = {
  C: '2.5.4.6',
  ST: '2.5.4.8',
  L: '2.5.4.7',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  CN: '2.5.4.3',
} as const;

/**
 * A subject or issuer name: one value for each attribute, written in the order of the object's
 * keys. An empty object is the empty name.
 */
export type DistinguishedName = { readonly [A in keyof typeof ATTRIBUTES]?: string };

const ATTRIBUTE = given(text());

export const SUBJECT: Declaration<DistinguishedName> = declareOptions<DistinguishedName>(
  'subject',
  {
    C: ATTRIBUTE,
    ST: ATTRIBUTE,
    L: ATTRIBUTE,
    O: ATTRIBUTE,
    OU: ATTRIBUTE,
    CN: ATTRIBUTE,
  },
);

/** The DER of a Name. */
export function encodeName(name: DistinguishedName): Der {
  // For the check only: the order is that of the caller's keys.
  readOptions(SUBJECT, name);
  return sequence(
    ...Object.entries(name).map(([attribute, value]) => {
      const oid = ATTRIBUTES[attribute as keyof typeof ATTRIBUTES];
      // RFC 5280 Appendix A: countryName is a PrintableString; everything else may be UTF-8.
      const encoded = attribute === 'C' ? printableString(value) : utf8String(value);
      return set(sequence(objectIdentifier(oid), encoded));
    }),
  );
}
