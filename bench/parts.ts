import { runCalls } from './calls/run-calls.js';
import { runConnect } from './connect/run-connect.js';
import { runFactory } from './factory/run-factory.js';
import { runMemory } from './memory/run-memory.js';
import { runDownloads } from './raw/run-downloads.js';
import { runRaw } from './raw/run-raw.js';
import { runRegistry } from './registry/run-registry.js';
import { runStart } from './start/run-start.js';
import type { PartOptions } from './support/part.js';
import type { Series } from './support/results.js';

/** The parts of the suite, in the order in which they run. */
export const PARTS: ReadonlyMap<string, (options: PartOptions) => Promise<readonly Series[]>> =
  new Map([
    ['calls', runCalls],
    ['registry', runRegistry],
    ['raw', runRaw],
    ['downloads', runDownloads],
    ['factory', runFactory],
    ['connect', runConnect],
    ['memory', runMemory],
    ['start', runStart],
  ]);
