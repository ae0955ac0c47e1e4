/**
 * One client against one behaviour, in a process of its own.
 *
 *   contender KIND BEHAVIOUR WAIT_MS HOSTILE GOOD
 *
 * Prints what it spent as a line of JSON, and after the wait another with the sockets that are left.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { BEHAVIOURS } from './behaviours.js';
import { CLIENTS, type Kind } from './clients.js';
import { collect, measure, socketsTo } from './measure.js';
import type { Servers } from './servers.js';

const [kind, name, waitMs, hostile, good] = process.argv.slice(2) as [Kind, ...string[]];
const { ca, ports } = JSON.parse(hostile as string) as Servers;
const { ca: goodCa, ports: goodPorts } = JSON.parse(good as string) as Servers;
const behaviour = BEHAVIOURS.find((one) => one.name === name);
if (behaviour === undefined) throw new Error(`there is no '${name}'`);

// What is left over of the behaviour must not end the process before it is counted.
process.on('unhandledRejection', () => {});
process.on('uncaughtException', () => {});

const { maxConnections, connectMs, run, settles } = behaviour;
const client = CLIENTS[kind]({ ca, maxConnections, connectMs });
const goodClient = CLIENTS[kind]({ ca: goodCa });
const goodUrl = `https://127.0.0.1:${goodPorts['main']}/ok`;
const callGood = async (): Promise<unknown> => (await goodClient.fetch(goodUrl)).text();
const at = (server: string): string => `https://127.0.0.1:${ports[server]}`;

const spent = await measure(() => run({ kind, client, at, ca }), callGood);
const left = (): number => socketsTo(Object.values(ports));
console.log(JSON.stringify({ ...spent, sockets: left() }));
if (settles) {
  for (let waited = 0; waited < Number(waitMs); waited += 1_000) {
    collect();
    await pause(1_000);
  }
}
console.log(JSON.stringify({ sockets: left() }));
process.exit();
