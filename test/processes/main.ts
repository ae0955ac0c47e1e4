/**
 * Several processes over one store, stopped, killed and cut off, and a judge over what they did.
 *
 *   npm run test:processes -- [--rounds N] [--seconds S] [--only NAME] [--mode MODE]
 *     [--orders all] [--pair 'renew x revoke,...']
 *
 * Each round is S seconds (20) in each mode on each backend. Modes: `store`, operations of the store;
 * `registry`, flows of registries at random; `held`, two flows at a time, held where they wait, in all
 * orders. `--orders all` tries every order, however long that takes (minutes); without it, some of them.
 *
 * Fails where an acknowledged change was undone or lost, where something older was given out than may
 * be, where bytes went over withdrawn trust, or where the store raised a false alarm.
 */
import { parseArgs } from 'node:util';
import { buildMember, type MemberProgram } from './member-program.js';
import { type HeldReport, runHeld } from './run-held.js';
import { type Report, runRound } from './run-round.js';
import { showHeader, showReport } from './show-report.js';
import type { HeldFlow } from './tasks-held.js';
import { type Mode, WORLDS, type World } from './worlds.js';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    seconds: { type: 'string', default: '20' },
    only: { type: 'string' },
    mode: { type: 'string' },
    orders: { type: 'string' },
    pair: { type: 'string' },
  },
});
const worlds = WORLDS.filter(({ name }) => values.only === undefined || name === values.only);
const seconds = Number(values.seconds);
const pairs = values.pair?.split(',').map((pair) => pair.split(' x ') as [HeldFlow, HeldFlow]);

async function runWorld(
  { open }: World,
  mode: Mode,
  program: MemberProgram,
): Promise<Report | HeldReport> {
  const { close, ...world } = await open(mode);
  try {
    if (mode !== 'held') return await runRound({ ...world, mode, program, seconds });
    const limit = values.orders === 'all' ? undefined : seconds;
    return await runHeld({ ...world, program, seconds: limit, pairs });
  } finally {
    await close();
  }
}

async function main(program: MemberProgram): Promise<number> {
  let [runs, violations, operations] = [0, 0, 0];
  showHeader();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const world of worlds) {
      const reason = world.skipped?.();
      if (reason !== undefined) console.log(`${world.name}: skipped: ${reason}`);
      for (const mode of reason === undefined ? world.modes : []) {
        if (values.mode !== undefined && values.mode !== mode) continue;
        const report = await runWorld(world, mode, program);
        showReport(world.name, mode, report);
        violations += report.violations.length;
        operations += report.operations;
        runs++;
      }
    }
  }
  console.log(`\n${runs} runs, ${operations} operations, ${violations} violations`);
  return runs > 0 && violations === 0 ? 0 : 1;
}

const program = await buildMember();
process.exitCode = await main(program).finally(() => program.close());
process.exit();
