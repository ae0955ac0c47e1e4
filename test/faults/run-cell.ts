import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { explainTlsError } from '../../src/index.js';
import { Lag } from '../support/lag.js';
import type { Fault } from './faults.js';
import type { Operation, Prepared } from './operations.js';
import { DEADLINE_MS, LIMITS, makeWorld } from './world.js';

export interface Cell {
  readonly fault: string;
  /** `ok`, or the code of the error. */
  readonly outcome: string;
  readonly milliseconds: number;
  readonly violations: readonly string[];
}

/** What a fault may leave behind for a moment: ends of sockets that are under way. */
const SETTLING_MS = 5000;

/** Until the client knows that its connections were dropped. */
const NOTICING_MS = 20;

/** So much of the shortest limit may be missing, by other work of the machine, and it is still one. */
const BUSY_MS = LIMITS.connectMs / 2;
const ATTEMPTS = 4;

/**
 * Strikes once, and looks how the operation ends and what it leaves. What is wrong while the machine had no time
 * for it is tried again: the limits are too short then. What is wrong for another reason is so again.
 */
export async function runCell(fault: Fault, operation: Operation): Promise<Cell> {
  for (let attempt = 1; ; attempt++) {
    using lag = new Lag();
    const cell = await tryCell(fault, operation);
    const isSettled = cell.violations.length === 0 || lag.lostMs < BUSY_MS;
    if (!isSettled && attempt < ATTEMPTS) continue;
    return attempt === 1 ? cell : { ...cell, outcome: `${cell.outcome} (attempt ${attempt})` };
  }
}

async function tryCell(fault: Fault, operation: Operation): Promise<Cell> {
  const before = resources();
  const violations: string[] = [];
  await using world = await makeWorld();
  let prepared: Prepared;
  try {
    prepared = await operation.prepare(world);
  } catch (error) {
    violations.push(`does not work before the fault: ${inspect(error, { depth: 3 })}`);
    return { fault: fault.name, outcome: 'NOT PREPARED', milliseconds: 0, violations };
  }
  const undo = await fault.strike(world);
  // So that what was dropped is known to be: a call over it would meet the reset, and not the fault.
  if (!operation.open) await pause(NOTICING_MS);
  const begin = performance.now();
  const outcome = await Promise.race([
    prepared.run().then(
      (value) => (typeof value === 'string' && value !== '' ? `ok (${value})` : 'ok'),
      (error) => classify(error, fault.answered || operation.foreign, violations),
    ),
    pause(DEADLINE_MS, 'HANG'),
  ]);
  const milliseconds = Math.round(performance.now() - begin);
  undo?.();
  if (outcome === 'HANG') violations.push(`goes on after ${DEADLINE_MS} ms`);
  if (fault.harmless && !operation.open && !outcome.startsWith('ok')) {
    violations.push(`fails, although nothing is wrong: ${outcome}`);
  }
  const closed = await Promise.race([prepared.close().then(() => true), pause(5000, false)]);
  if (!closed) violations.push('close() does not end');
  await settled(() => world.front.openConnections === 0);
  if (world.front.openConnections > 0) {
    violations.push(`leaves ${world.front.openConnections} connections`);
  }
  await world[Symbol.asyncDispose]();
  await settled(() => added(before).length === 0);
  if (added(before).length > 0) violations.push(`leaves ${added(before).join(', ')}`);
  return { fault: fault.name, outcome, milliseconds, violations };
}

/** The code of our error in it; anything else is foreign. */
function classify(error: unknown, allowed: boolean | undefined, violations: string[]): string {
  const ours = explainTlsError(error);
  if (ours !== undefined) return ours.code.replace('MCP_TLS_', '');
  if (allowed && error instanceof Error) return `SDK: ${error.message.slice(0, 60)}`;
  violations.push(`rejects with a foreign error: ${inspect(error, { depth: 3 })}`);
  return String(error);
}

/** What keeps this process alive, by kind. */
function resources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) {
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

function added(before: ReadonlyMap<string, number>): string[] {
  return [...resources()]
    .filter(([name, count]) => name !== 'Timeout' && count > (before.get(name) ?? 0))
    .map(([name, count]) => `${count - (before.get(name) ?? 0)} ${name}`);
}

async function settled(condition: () => boolean): Promise<void> {
  const end = performance.now() + SETTLING_MS;
  while (!condition() && performance.now() < end) await pause(20);
}
