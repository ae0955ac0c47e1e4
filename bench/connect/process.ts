/** One way to trust in a process of its own: each request over a connection of its own. */
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { serveTasks } from '../support/serve-tasks.js';
import { type Ask, type Servers, WAYS } from './ways.js';

export interface OpenInput extends Servers {
  readonly contender: string;
  /** For every connection another factory or Agent, as for the first one to each of many servers. */
  readonly anew: boolean;
}

let ask: Ask | undefined;

function open({ anew, contender, own, signed }: OpenInput): void {
  const make = WAYS[contender];
  if (make === undefined) throw new Error(`no contender '${contender}'`);
  const servers = { own, signed };
  const one = make(servers);
  ask = anew ? () => make(servers)() : one;
}

async function batch(count: number): Promise<CallCost> {
  const call = ask;
  if (call === undefined) throw new Error('not open');
  return measureCalls(async () => {
    if (!(await call()).endsWith('}}')) throw new Error('not the right answer');
  }, count);
}

serveTasks({ open, batch });
