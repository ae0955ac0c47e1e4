import type { LookupFunction } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServerRegistry } from '../../src/index.js';
import { FLOWS, type FlowContext, type FlowName, performFlow, Streams } from './flows.js';
import { now } from './history.js';
import type { MemberOptions } from './member.js';
import { OPERATIONS, type StoreContext } from './operations.js';
import { isHost, type OpenedPlace } from './places.js';
import { makeFlow, type Recorder } from './recorder.js';
import { traceStore } from './traced-store.js';

/** What a process does at random. */
export interface RandomTask {
  /** One thing more. Never rejects. */
  next(): Promise<unknown>;
  close(): Promise<void>;
}

const MAX_STREAMS = 3;
/** How long a person looks, and a server takes to shake hands, at most. */
const PERSON_MS = 400;
const HANDSHAKE_MS = 300;

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

/** Operations of a store. */
export async function useStore(
  { ids, template }: MemberOptions,
  place: OpenedPlace,
  recorder: Recorder,
): Promise<RandomTask> {
  const store = place.openSealed('processes');
  const context: StoreContext = {
    store,
    ids,
    nextToken: () => recorder.nextToken(),
    recordOf: (token) => ({ ...template, approvedBy: token }),
  };
  await recorder.perform('initialize', { kind: 'other' }, async () => {
    await store.initialize();
    return {};
  });
  const deck = OPERATIONS.flatMap((task) => Array.from({ length: task.weight }, () => task));
  return {
    next() {
      const task = pick(deck);
      const effect = task.effect(context);
      return recorder.perform(task.name, effect, () => task.run(context, effect));
    },
    close: () => store.close(),
  };
}

/** Flows of a registry, and in some of the processes a watch beside them that scans all the time. */
export async function useRegistry(
  options: MemberOptions,
  place: OpenedPlace,
  recorder: Recorder,
): Promise<RandomTask> {
  const sealed = isHost(options.place) ? undefined : place.openSealed('registry');
  const store = sealed ?? place.open('registry');
  if (sealed !== undefined) {
    await recorder.perform('initialize', { kind: 'other' }, async () => {
      await sealed.initialize();
      return {};
    });
  }
  const registry = createServerRegistry({
    store: traceStore(store, recorder),
    lookup: lookupAfter(() => sleep(Math.random() ** 3 * HANDSHAKE_MS)),
  });
  const context: FlowContext = {
    member: options.name,
    registry,
    sealed,
    recorder,
    serverOf: (id) => options.servers[id] as NonNullable<(typeof options.servers)[string]>,
    async person() {
      await sleep(Math.random() ** 2 * PERSON_MS);
      return true;
    },
    pin: 'key',
    soonMs: 700,
    streams: new Streams(recorder),
  };
  const scan = makeFlow({ name: 'scan', n: undefined, sets: undefined, token: undefined });
  // The others hear of a change by a message, or when what they hold of it is old.
  const watch =
    options.role === 'watches'
      ? recorder.flows.run(scan, () => registry.watch({ intervalMs: 500, pollMs: 200 }))
      : undefined;
  const deck = options.role === 'uses' ? USES : EVERYTHING;
  return {
    async next() {
      const name = pick(deck);
      const id = pick(options.ids);
      // Whoever asks often is told often.
      if (options.role === 'uses') await sleep(Math.random() * 400);
      if (name === 'stream' && context.streams.size >= MAX_STREAMS) return;
      if (isQuiet(id) && CREATING.has(name)) return;
      await performFlow(context, name, id);
    },
    async close() {
      await watch?.close();
      await registry.close();
      await context.streams.cancelAll();
      await store.close?.();
    },
  };
}

/** A `lookup` that takes its time, as a handshake does. */
export function lookupAfter(wait: () => Promise<unknown>): LookupFunction {
  return (_host, _options, callback) => {
    void wait().then(() => callback(null, [{ address: '127.0.0.1', family: 4 }]));
  };
}

const EVERYTHING = (Object.keys(FLOWS) as FlowName[]).flatMap((name) =>
  Array.from({ length: FLOWS[name].weight }, () => name),
);

/** Of a process that changes nothing, and hears of changes only because it looks at what it has open. */
const USES: readonly FlowName[] = ['stream', 'stream', 'request'];

const CREATING: ReadonlySet<FlowName> = new Set(['register', 'replace']);

/**
 * Of some ids, nobody registers anything for most of the time, so that what was withdrawn stays so for
 * longer than a cache may give it out. All processes know when, by the one monotonic clock.
 */
function isQuiet(id: string): boolean {
  return id.startsWith('quiet') && (now() + (id.charCodeAt(5) % 2) * 4_000) % 8_000 > 3_000;
}
