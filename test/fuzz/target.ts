import { subscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import type fc from 'fast-check';
import type { DiagnosticChannel } from '../../src/diagnostics.js';
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

/** More than any input of ours takes, of the processor: other programs of the machine are not counted. */
const MOMENT_MS = 50;
/** The compiler and the collector of garbage work in between. A reader that hangs does so each time. */
const ATTEMPTS = 4;
/** For everything, however busy the machine is. */
const DEADLINE_MS = 5000;

/** What a listener was told: it must hold no secret either. */
const told: unknown[] = [];

const CHANNELS: Readonly<Record<DiagnosticChannel, true>> = {
  'mcp-tls:connect': true,
  'mcp-tls:second-hello': true,
  'mcp-tls:verified': true,
  'mcp-tls:request': true,
  'mcp-tls:refused': true,
  'mcp-tls:redirect-refused': true,
  'mcp-tls:pool-opened': true,
  'mcp-tls:pool-closed': true,
  'mcp-tls:source-changed': true,
  'mcp-tls:source-failed': true,
  'mcp-tls:source-polled': true,
};

for (const name of Object.keys(CHANNELS)) subscribe(name, (message) => void told.push(message));

/** What nobody could catch. */
const uncaught: unknown[] = [];

process.on('uncaughtException', (error) => void uncaught.push(error));
process.on('unhandledRejection', (reason) => void uncaught.push(reason));

/**
 * Runs a target over one input.
 *
 * @throws {Error} that says what is wrong: an untyped error, a secret in one or in a message of a channel,
 *   a hang
 */
export async function runOnce(target: FuzzTarget, input: unknown): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const took = startClock();
    await judge(target, input);
    const ms = took();
    if (!target.pure || ms <= MOMENT_MS) return;
    if (attempt === ATTEMPTS) throw new Error(`${target.name} took ${Math.round(ms)} ms`);
  }
}

/**
 * Measures how long something takes without the pauses in which others had the processor: the time that
 * has passed, or the processor's time of this process where that is less. All its threads count, so that
 * work that is done on another one is no way out.
 */
function startClock(): () => number {
  const startedAt = performance.now();
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return Math.min(performance.now() - startedAt, (user + system) / 1000);
  };
}

async function judge({ name, run }: FuzzTarget, input: unknown): Promise<void> {
  told.length = 0;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} hangs`)), DEADLINE_MS);
  });
  try {
    await Promise.race([(async () => run(input as never))().catch(assertOurs), late]);
  } finally {
    clearTimeout(timer);
  }
  const [fault] = uncaught.splice(0);
  if (fault !== undefined) throw new Error(`uncaught: ${inspect(fault)}`);
  const messages = inspect(told, { depth: 10, maxStringLength: 100_000 });
  if (messages.includes(CANARY)) throw new Error(`a channel is told a secret: ${messages}`);
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
