import { setTimeout as pause } from 'node:timers/promises';
import { inspect } from 'node:util';
import { explainTlsError } from '../../src/index.js';
import type { Fault } from './faults.js';
import type { Operation } from './operations.js';
import { DEADLINE_MS, makeWorld } from './world.js';

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

/** Strikes once, and looks how the operation ends and what it leaves. */
export async function runCell(fault: Fault, operation: Operation): Promise<Cell> {
  const before = resources();
  const violations: string[] = [];
  await using world = await makeWorld();
  const prepared = await operation.prepare(world);
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
