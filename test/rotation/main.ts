/**
 * Files of trust replaced in every way while calls are under way, through every door; and what following costs.
 *
 *   npm run test:rotation -- [--callers 50] [--ms 1000] [--servers 1000]
 *
 * Fails if a call was lost where nothing was taken away, or was answered over trust that was.
 */
import { parseArgs } from 'node:util';
import { measure } from './measure.js';
import { DOORS, type Outcome, runWay, WAYS } from './run-way.js';

const { values } = parseArgs({
  options: {
    callers: { type: 'string', default: '50' },
    ms: { type: 'string', default: '1000' },
    servers: { type: 'string', default: '1000' },
  },
});

const options = { callers: Number(values.callers), ms: Number(values.ms) };
const outcomes: Outcome[] = [];
for (const way of WAYS) {
  for (const door of DOORS) {
    const outcome = await runWay(way, door, options);
    outcomes.push(outcome);
    const { calls, lost, late, codes } = outcome;
    console.log(
      `${way.padEnd(40)} ${door.padEnd(10)} ${String(calls).padStart(6)} calls ${String(lost).padStart(5)} lost ${String(late).padStart(3)} late  ${codes.join(' ')}`,
    );
  }
}
const servers = Number(values.servers);
for (const by of ['factories', 'a registry'] as const) {
  for (const directories of [1, servers]) console.log(await measure(by, servers, directories));
}

const wrong = outcomes.filter((one) => one.late > 0 || (!one.takesAway && one.lost > 0));
if (wrong.length > 0) {
  console.error('lost without reason, or late:', wrong);
  process.exitCode = 1;
}
