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
import { buildMember } from './member-program.js';
import { type HeldReport, runHeld } from './run-held.js';
import { type Report, runRound } from './run-round.js';
import { showHeader, showReport } from './show-report.js';
import type { HeldFlow } from './tasks-held.js';
import { WORLDS } from './worlds.js';

type Mode = 'store' | 'registry' | 'held';

async function main(): Promise<void> {
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
  const seconds = Number(values.seconds);
  const worlds = WORLDS.filter(({ name }) => values.only === undefined || name === values.only);
  let [runs, violations, operations] = [0, 0, 0];
  const program = await buildMember();
  showHeader();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const { name, modes, skipped, open } of worlds) {
      const reason = skipped?.();
      if (reason !== undefined) {
        console.log(`${name}: skipped: ${reason}`);
        continue;
      }
      for (const mode of modes) {
        if (values.mode !== undefined && values.mode !== mode) continue;
        const { close, ...world } = await open(mode);
        try {
          const pairs = values.pair
            ?.split(',')
            .map((pair) => pair.split(' x ') as [HeldFlow, HeldFlow]);
          const limit = values.orders === 'all' ? undefined : seconds;
          const run: Record<Mode, () => Promise<Report | HeldReport>> = {
            store: () => runRound({ ...world, mode: 'store', program, seconds }),
            registry: () => runRound({ ...world, mode: 'registry', program, seconds }),
            held: () => runHeld({ ...world, program, seconds: limit, pairs }),
          };
          const report = await run[mode]();
          showReport(name, mode, report);
          violations += report.violations.length;
          operations += report.operations;
          runs++;
        } finally {
          await close();
        }
      }
    }
  }
  program.close();
  console.log(`\n${runs} runs, ${operations} operations, ${violations} violations`);
  process.exit(runs > 0 && violations === 0 ? 0 : 1);
}

await main();
