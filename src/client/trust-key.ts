import { createHash } from 'node:crypto';
import type { TrustInput } from '../trust/trust-policy.js';

/**
 * The same text for trust that says the same, and another for any other: so that a policy which is made anew
 * for each request, as by JSON.parse, is known as the old one, and one that was changed in place is not.
 *
 * A digest, since a policy may hold a private key. What is no plain data (a checked policy, an object of a
 * class) is the same only if it is the same object, with the same in it.
 */
export function trustKey(trust: TrustInput): string {
  const hash = createHash('sha256');
  // Each with its length, so that no two lists of parts read the same.
  for (const part of partsOf(trust)) hash.update(`${part.length}:`).update(part);
  return hash.digest('base64');
}

function partsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return [`text ${value}`];
  if (typeof value === 'function') return [`function ${identityOf(value)}`];
  if (typeof value !== 'object' || value === null) return [`${typeof value} ${String(value)}`];
  if (ArrayBuffer.isView(value)) {
    const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    return [`bytes ${bytes.toString('latin1')}`];
  }
  if (Array.isArray(value)) return [`list ${value.length}`, ...value.flatMap(partsOf)];
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return [
    `fields ${entries.length} ${isPlain(value) ? '' : identityOf(value)}`,
    ...entries.flatMap(([name, field]) => [name, ...partsOf(field)]),
  ];
}

/** Of a literal or of JSON, with nothing in it that does not show. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  const isData = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isData && Object.getOwnPropertySymbols(value).length === 0;
}

const identities = new WeakMap<object, number>();
let last = 0;

function identityOf(value: object): number {
  const present = identities.get(value);
  if (present !== undefined) return present;
  last += 1;
  identities.set(value, last);
  return last;
}
