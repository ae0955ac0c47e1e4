/**
 * Every backend in every trouble: what the caller gets.
 *
 *   npm run test:faults:store -- [part of a fault's name [part of a backend's]]
 *
 * Fails if a cell is a silent miss, a call that goes on past its deadline, a crash, or the loss of a
 * write that was acknowledged.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { stopClusters } from './cluster-worlds.js';
import { FAULTS, type Fault, runCell } from './faults.js';
import { SERVICE_FAULTS } from './service-faults.js';
import { WORLDS } from './worlds.js';

type Make = (typeof WORLDS)[number]['make'];

const LOST_MS = 100;
const ATTEMPTS = 3;
const violations: string[] = [];
process.on('unhandledRejection', (error) => violations.push(`unhandled rejection: ${error}`));
process.on('uncaughtException', (error) => violations.push(`crash: ${error.stack}`));

async function main(): Promise<void> {
  const [, , only, where] = process.argv;
  let [cells, without] = [0, 0];
  for (const fault of [...FAULTS, ...SERVICE_FAULTS]) {
    if (only !== undefined && !fault.name.includes(only)) continue;
    console.log(`\n${fault.name}`);
    for (const world of WORLDS) {
      if (where !== undefined && !world.name.includes(where)) continue;
      const result = await runOnTime(fault, world.make);
      if (result.text === '–') without++;
      else cells++;
      console.log(`  ${world.name.padEnd(16)} ${result.text}`);
      for (const one of result.violations) {
        violations.push(`${fault.name} × ${world.name}: ${one}`);
        console.log(`  ${''.padEnd(16)} VIOLATION: ${one}`);
      }
    }
  }
  await stopClusters();
  console.log(`\n${cells} cells, ${without} that cannot be (–), ${violations.length} violations`);
  for (const one of violations) console.log(`  ${one}`);
  process.exit(violations.length === 0 && cells > 0 ? 0 : 1);
}

/**
 * Runs a cell; once more if something is wrong with it and this process was kept from running for so long
 * that a deadline of some hundred milliseconds says nothing about a backend.
 */
async function runOnTime(fault: Fault, make: Make): ReturnType<typeof runCell> {
  for (let attempt = 1; ; attempt++) {
    const lost = monitorEventLoopDelay({ resolution: 5 });
    lost.enable();
    const result = await runCell(fault, make).catch((error: Error) => ({
      text: '',
      violations: [`could not be run: ${error.stack}`],
    }));
    lost.disable();
    const lostMs = Math.round(lost.max / 1e6);
    if (result.violations.length === 0 || lostMs < LOST_MS || attempt === ATTEMPTS) return result;
    console.log(`  (again, since ${lostMs} ms were lost: ${result.violations[0]?.split('\n')[0]})`);
  }
}

await main();
