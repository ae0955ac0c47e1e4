/** One of several processes over one store. See main.ts. */
import type { StoredCertificate } from '../../src/index.js';
import { now } from './history.js';
import { openPlace, type StorePlace } from './places.js';
import { Recorder } from './recorder.js';
import { holdFlows } from './tasks-held.js';
import { type RandomTask, useRegistry, useStore } from './tasks-random.js';

export interface MemberOptions {
  readonly name: string;
  readonly place: StorePlace;
  readonly keys: readonly { readonly id: string; readonly key: string }[];
  readonly ids: readonly string[];
  readonly template: StoredCertificate;
  /** The file of its notes. */
  readonly notes: string;
  /** At the store, at random; through a registry, at random; or each flow as it is told to. */
  readonly mode: 'store' | 'registry' | 'held';
  /** Of a registry: changes and uses, with a watch besides or not; or only uses. */
  readonly role: 'watches' | 'changes' | 'uses';
  /** Of each id. */
  readonly servers: Readonly<Record<string, MemberServer>>;
}

export interface MemberServer {
  readonly url: string;
  readonly pins: readonly string[];
}

const options: MemberOptions = JSON.parse(process.env['MCP_TLS_MEMBER'] ?? '');
const recorder = new Recorder(options.name, options.notes);

/** Does what there is to do, at random, until it is told to stop. */
async function repeat({ next, close }: RandomTask): Promise<void> {
  let stopped = false;
  process.on('message', () => {
    stopped = true;
  });
  // Two hands: operations of one process overlap too.
  const hand = async () => {
    while (!stopped) {
      await next();
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 4));
    }
  };
  await Promise.all([hand(), hand()]);
  await close();
}

async function main(): Promise<void> {
  const place = await openPlace(options.place, options.keys);
  if (options.mode === 'held') {
    await holdFlows(options, place, recorder);
    return;
  }
  await repeat(await (options.mode === 'store' ? useStore : useRegistry)(options, place, recorder));
  await place.close();
  process.disconnect();
}

main().catch((error) => {
  console.error(now(), options.name, error);
  process.exit(1);
});
