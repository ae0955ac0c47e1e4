import { createHash } from 'node:crypto';
import { type PemInput, readMaterial } from './source.js';
import type { Chain, ChainFields } from './sourced.js';

/** Of certificates and lists that are remembered at one time. */
const MAX_BYTES = 32 * 1024 * 1024;

type Outcome = { readonly chain: Chain } | { readonly error: unknown };

/**
 * Reads as `read` does, and parses what has the same content once: sources are read each time. What cannot be parsed
 * is remembered as well.
 */
export function rememberChains(read: (fields: ChainFields) => Chain): typeof read {
  const known = new Map<string, Outcome>();
  let bytes = 0;
  return ({ ca, crl, authority }) => {
    const now: ChainFields = { ca: materialOf(ca), crl: materialOf(crl), authority };
    const { digest, size } = digestOf(now);
    let outcome = known.get(digest);
    if (outcome === undefined) {
      outcome = outcomeOf(() => read(now));
      bytes += size;
      if (bytes > MAX_BYTES) {
        known.clear();
        bytes = size;
      }
      known.set(digest, outcome);
    }
    if ('error' in outcome) throw outcome.error;
    return outcome.chain;
  };
}

function outcomeOf(read: () => Chain): Outcome {
  try {
    return { chain: read() };
  } catch (error) {
    return { error };
  }
}

function materialOf(given: PemInput | undefined): PemInput | undefined {
  return given === undefined ? undefined : readMaterial(given);
}

/** Each part with its field, form and length, so that no two chains read the same. */
function digestOf({ ca, crl, authority }: ChainFields): { digest: string; size: number } {
  const hash = createHash('sha256').update(`${authority};`);
  let size = 0;
  for (const [field, value] of Object.entries({ ca, crl })) {
    const parts = Array.isArray(value) ? value : value === undefined ? [] : [value];
    hash.update(`${field} ${Array.isArray(value)} ${value === undefined};`);
    for (const part of parts as readonly (string | Uint8Array)[]) {
      hash.update(`${typeof part} ${part.length}:`).update(part);
      size += part.length;
    }
  }
  return { digest: hash.digest('base64'), size };
}
