/**
 * What a hostile server costs a client, by behaviour: this library against undici's fetch and node:https, each
 * in a process of its own, on Node.js 20 and 24. Ends with 1 where ours is worse than it may be.
 *
 *   npm run test:hostile [-- LINES] [--only PART] [--wait SECONDS]
 *   npm run test:hostile -- --gateway [--minutes N] [--servers N] [--memory]
 */
import { parseArgs } from 'node:util';
import { type NodeLine, nodeLines } from '../../scripts/node-lines.js';
import { compilePrograms } from '../support/compile-programs.js';
import { BEHAVIOURS } from './behaviours.js';
import { FOLDER, PROGRAMS, startServers } from './processes.js';
import { Round } from './round.js';
import { runGateway } from './run-gateway.js';

const { values, positionals } = parseArgs({
  options: {
    only: { type: 'string' },
    node: { type: 'string', multiple: true },
    wait: { type: 'string', default: '30' },
    gateway: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '5' },
    servers: { type: 'string', default: '200' },
    memory: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
/** One that is worse is run again so often: the machine may have been. */
const RUNS = 3;

const asked = [...positionals, ...(values.node ?? []).flatMap((one) => one.split(','))];
const lines = await nodeLines(
  asked.length > 0 ? asked.map(Number) : values.gateway ? [20] : [20, 24],
);
await compilePrograms(FOLDER, PROGRAMS);
let bad = 0;
for (const line of lines) bad += values.gateway ? await gateway(line) : await table(line);
process.exitCode = bad === 0 ? 0 : 1;

async function gateway({ version, binary }: NodeLine): Promise<number> {
  console.log(`\nNode.js ${version}`);
  return runGateway(binary, {
    minutes: Number(values.minutes),
    servers: Number(values.servers),
    memory: values.memory,
  });
}

async function table(node: NodeLine): Promise<number> {
  await using hostile = await startServers(node.binary, 'hostile');
  await using good = await startServers(node.binary, 'good');
  const behaviours = BEHAVIOURS.filter(
    ({ name, since = 0 }) => name.includes(values.only ?? '') && since <= node.line,
  );
  console.log(`\nNode.js ${node.version}: ${behaviours.length} behaviours`);
  const waitMs = Number(values.wait) * 1_000;
  const settling: Round[] = [];
  let worse = 0;
  const conclude = async (round: Round): Promise<void> => {
    await round.settled();
    if (round.faults.length > 0) await round.run(RUNS - 1);
    await round.settled();
    round.print();
    if (round.faults.length > 0) worse++;
  };
  for (const behaviour of behaviours) {
    const round = new Round({ node, behaviour, hostile, good, waitMs });
    await round.run();
    // What settles is waited for while the next ones run.
    if (behaviour.settles) settling.push(round);
    else await conclude(round);
  }
  for (const round of settling) await conclude(round);
  const verdict = worse === 0 ? 'none worse than it may be' : `${worse} WORSE`;
  console.log(`Node.js ${node.version}: ${behaviours.length} behaviours, ${verdict}`);
  return behaviours.length === 0 ? 1 : worse;
}
