import { count, type Declaration, declareOptions, readOptions, required } from '../options.js';
import type { WriteCondition } from './certificate-store.js';

/** A condition that cannot be read is not taken for none. */
export function readCondition(condition: WriteCondition | undefined): number | undefined {
  if (condition === undefined) return undefined;
  return readOptions(CONDITION, condition).ifRevision;
}

const CONDITION: Declaration<WriteCondition> = declareOptions<WriteCondition>(
  'store.set: condition',
  { ifRevision: required(count(0)) },
);
