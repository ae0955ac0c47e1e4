/** One of several processes over one store: does random operations, and notes them. See main.ts. */
import { openSync, writeSync } from 'node:fs';
import type { StoredCertificate } from '../../src/index.js';
import { type Note, now, type Outcome } from './history.js';
import { type Context, OPERATIONS, type Task } from './operations.js';
import { type OpenedStore, openStore, type StorePlace } from './places.js';

export interface MemberOptions {
  readonly name: string;
  readonly place: StorePlace;
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  readonly ids: readonly string[];
  readonly template: StoredCertificate;
  /** The file of its notes. */
  readonly notes: string;
}

const options: MemberOptions = JSON.parse(process.env['MCP_TLS_MEMBER'] ?? '');
// Written at once: what is noted is noted, also if this process is killed in the next moment.
const file = openSync(options.notes, 'a');
let stopped = false;
let n = 0;
let tokens = 0;

const note = (line: Note): void => void writeSync(file, `${JSON.stringify(line)}\n`);

async function perform(context: Context, task: Task): Promise<void> {
  const number = n++;
  const effect = task.effect(context);
  note({ n: number, at: now(), name: task.name, effect });
  const outcome = await task.run(context, effect).catch(
    (error): Outcome => ({
      error: String((error as { code?: unknown }).code ?? (error as Error).stack),
    }),
  );
  note({ n: number, at: now(), outcome });
}

async function main({ store, close }: OpenedStore): Promise<void> {
  const context: Context = {
    store,
    ids: options.ids,
    nextToken: () => `${options.name}.${tokens++}`,
    recordOf: (token) => ({ ...options.template, approvedBy: token }),
  };
  const deck = OPERATIONS.flatMap((task) => Array.from({ length: task.weight }, () => task));
  await perform(context, INITIALIZE);
  // Two hands: operations of one process overlap too.
  const hand = async () => {
    while (!stopped) {
      await perform(context, deck[Math.floor(Math.random() * deck.length)] as Task);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    }
  };
  await Promise.all([hand(), hand()]);
  await close();
  process.disconnect();
}

const INITIALIZE: Task = {
  name: 'initialize',
  weight: 0,
  effect: () => ({ kind: 'other' }),
  async run({ store }) {
    await store.initialize();
    return {};
  },
};

process.on('message', () => {
  stopped = true;
});
main(openStore(options.place, options.keys)).catch((error) => {
  console.error(error);
  process.exit(1);
});
