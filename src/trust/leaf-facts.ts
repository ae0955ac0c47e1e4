import type { X509Certificate } from 'node:crypto';
import { isDer } from '../certificate/certificate-fields.js';
import { keyBeyondBounds } from '../certificate/key-bounds.js';
import { type Validity, validityOf } from '../certificate/validity.js';
import { type Unfitness, unfitness } from './leaf-fitness.js';

/** What a server's certificate is by itself, whatever the time, the policy and the name: its bytes alone say it. */
export class LeafFacts {
  readonly isDer: boolean;
  /** As {@link keyBeyondBounds}. */
  readonly heavy: string | undefined;
  readonly validity: Validity;
  readonly #raw: Uint8Array;
  #unfit: { readonly as: Unfitness | undefined } | undefined;

  constructor(leaf: X509Certificate) {
    this.#raw = leaf.raw;
    this.isDer = isDer(leaf);
    this.heavy = keyBeyondBounds(leaf);
    this.validity = validityOf(leaf);
  }

  isOf(leaf: X509Certificate): boolean {
    return leaf.raw.equals(this.#raw);
  }

  /**
   * As {@link unfitness}. Not before it is asked for: it makes a key, which is only done within bounds.
   *
   * @param leaf the same certificate
   */
  unfitness(leaf: X509Certificate): Unfitness | undefined {
    this.#unfit ??= { as: unfitness(leaf) };
    return this.#unfit.as;
  }
}

const known = new WeakMap<object, LeafFacts>();

/**
 * The facts of a certificate. Those of the one that was asked about last under each policy are remembered: a server
 * shows the same one for months, and to read them is a twentieth of a new connection. No verdict is.
 */
export function factsOf(leaf: X509Certificate, policy: object): LeafFacts {
  const last = known.get(policy);
  if (last?.isOf(leaf)) return last;
  const facts = new LeafFacts(leaf);
  known.set(policy, facts);
  return facts;
}
