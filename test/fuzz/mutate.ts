import fc from 'fast-check';

/** As much as a reader that takes more than a step for each byte does not get through in a moment. */
const FLOOD_BYTES = 262_144;

/** Damage to a sequence of bytes: flips, cuts, insertions, repetitions, one after the other. */
export function damaged(originals: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const step = fc.record({
    how: fc.constantFrom('flip', 'set', 'cut', 'insert', 'repeat', 'swap', 'flood', 'truncate'),
    at: fc.nat(),
    length: fc.nat({ max: 64 }),
    bytes: fc.uint8Array({ maxLength: 16 }),
  });
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(step, { minLength: 0, maxLength: 6 }))
    .map(([original, steps]) => steps.reduce(apply, original));
}

interface Step {
  readonly how: string;
  readonly at: number;
  readonly length: number;
  readonly bytes: Uint8Array;
}

function apply(input: Uint8Array, { how, at, length, bytes }: Step): Uint8Array {
  if (input.length === 0) return bytes;
  const start = at % input.length;
  const end = Math.min(start + length, input.length);
  const join = (...parts: readonly Uint8Array[]): Uint8Array =>
    new Uint8Array(Buffer.concat(parts));
  switch (how) {
    case 'flip': {
      const copy = new Uint8Array(input);
      copy[start] = (copy[start] as number) ^ (1 << (length % 8));
      return copy;
    }
    case 'set': {
      const copy = new Uint8Array(input);
      copy.set(bytes.subarray(0, input.length - start), start);
      return copy;
    }
    case 'cut':
      return join(input.subarray(0, start), input.subarray(end));
    case 'insert':
      return join(input.subarray(0, start), bytes, input.subarray(start));
    case 'repeat': {
      const piece = input.subarray(start, end);
      const times = Array.from({ length: Math.min(length, 40) }, () => piece);
      return join(input.subarray(0, start), ...times, input.subarray(start));
    }
    case 'flood': {
      const piece = end > start ? input.subarray(start, end) : bytes;
      if (piece.length === 0 || input.length > FLOOD_BYTES / 4) return input;
      const flood = Buffer.alloc(FLOOD_BYTES, piece);
      return join(input.subarray(0, start), flood, input.subarray(start));
    }
    case 'swap':
      return join(input.subarray(start), input.subarray(0, start));
    default:
      return input.subarray(0, start);
  }
}

export const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
