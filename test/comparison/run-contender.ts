/**
 * Puts one contender through the battery, in this process, and writes the report to a file.
 *
 *   node --import tsx test/comparison/run-contender.ts CONTENDER FILE
 */
import { writeFile } from 'node:fs/promises';
import { type BatteryReport, pinningBattery } from '../../src/testing/index.js';
import { CONTENDERS } from './contenders.js';

/** What is written to the file. */
export interface ContenderRun {
  readonly report: BatteryReport;
  /** Messages of errors that nobody could catch. */
  readonly uncaught: readonly string[];
}

const [id, file] = process.argv.slice(2);
const contender = CONTENDERS.find((one) => one.id === id);
if (contender === undefined || file === undefined) throw new Error('usage: CONTENDER FILE');

// Errors that nobody could have caught: they would have ended the process of a real program.
const uncaught: string[] = [];
process.on('uncaughtException', ({ message }) => uncaught.push(message));

const { makeClient } = await contender.load();
const { supports } = contender;
// Patient, as machines that compare may be busy: a client that hangs does so after a long time too.
const report = await pinningBattery(makeClient, { supports, timeoutMs: 10_000, concurrency: 2 });
await writeFile(file, JSON.stringify({ report, uncaught } satisfies ContenderRun));
// A library that keeps its process alive must not keep the comparison waiting.
process.exit();
