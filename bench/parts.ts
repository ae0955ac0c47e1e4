import { runCalls } from './calls/run-calls.js';
import type { PartOptions } from './support/part.js';
import type { Series } from './support/results.js';

/** The parts of the suite, in the order in which they run. */
export const PARTS: ReadonlyMap<string, (options: PartOptions) => Promise<readonly Series[]>> =
  new Map([['calls', runCalls]]);
