import { inspect } from 'node:util';
import type fc from 'fast-check';
import { explainTlsError } from '../../src/index.js';

/** Something that reads what an enemy wrote. */
export interface FuzzTarget {
  readonly name: string;
  /** Whether it is one call without input or output: then it may not take longer than a moment. */
  readonly pure: boolean;
  /** Inputs, and what is done with one. Rejects, or throws, as the library does. */
  readonly input: fc.Arbitrary<unknown>;
  readonly run: (input: never) => unknown;
  readonly close?: () => Promise<void>;
}

/** In every key, password, token, path and answer: it may be in no error. */
export const CANARY = 'c4n4ry5ecret';

/** Longer than any input of ours takes, and than a pause of the machine that happens twice. */
const MOMENT_MS = 50;
/** For what goes over a connection. */
const DEADLINE_MS = 5000;

/**
 * Runs a target over one input.
 *
 * @throws {Error} that says what is wrong: an untyped error, a secret in one, a hang
 */
export async function runOnce(target: FuzzTarget, input: unknown): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const startedAt = performance.now();
    await judge(target, input);
    const took = performance.now() - startedAt;
    if (!target.pure || took <= MOMENT_MS) return;
    if (attempt === 3) throw new Error(`${target.name} took ${Math.round(took)} ms`);
  }
}

async function judge({ name, run }: FuzzTarget, input: unknown): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} hangs`)), DEADLINE_MS);
  });
  try {
    await Promise.race([(async () => run(input as never))().catch(assertOurs), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Passes for an error of ours that holds no canary, in any property or print. */
function assertOurs(error: unknown): void {
  const ours = explainTlsError(error);
  if (ours === undefined) throw new Error(`untyped: ${inspect(error)}`, { cause: error });
  const shown = [
    inspect(error, { depth: 10, showHidden: true, maxStringLength: 100_000 }),
    JSON.stringify(error),
    JSON.stringify(ours),
    ours.stack,
  ].join('\n');
  if (shown.includes(CANARY)) throw new Error(`a secret is shown: ${shown}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  if (/[\x00-\x09\x0b-\x1f\x7f\u0080-\u009f\u2028-\u202e\u2066-\u2069]/.test(ours.message)) {
    throw new Error(`unprintable: ${JSON.stringify(ours.message)}`);
  }
}
