import { createServerRegistry, type EncryptedCertificateStore } from '../../src/index.js';
import { serveCalls } from '../store/workers/serve-calls.js';
import { Barrier } from './barriers.js';
import { type FlowContext, type FlowName, performFlow, Streams } from './flows.js';
import { now } from './history.js';
import type { MemberOptions } from './member.js';
import { isHost, type OpenedPlace } from './places.js';
import { makeFlow, type Recorder } from './recorder.js';
import { lookupAfter } from './tasks-random.js';
import { traceStore } from './traced-store.js';

/** What a held member can be asked to do: a flow of the registry, or the scan of a watch. */
export type HeldFlow = FlowName | 'scan';

/** Where a flow that was begun stands: held at a point, or at its end. */
export type Standing = { readonly held: string } | { readonly done: true };

/** How far away the end of an approval is that comes soon. */
export const SOON_MS = 150;

/** Where nothing of a scan happens for so long, it is over: a host's store has no notes that say so. */
const QUIET_MS = 150;

/** Answers calls: does flows, and holds each at the point that it is told. */
export async function holdFlows(
  options: MemberOptions,
  place: OpenedPlace,
  recorder: Recorder,
): Promise<void> {
  const barrier = new Barrier();
  let context: FlowContext;
  let running: Promise<unknown> = Promise.resolve();
  let closers: (() => Promise<unknown>)[] = [];

  async function close(): Promise<void> {
    for (const one of closers.splice(0).reverse()) await one();
  }

  /** One look at every server, as a watch of an hour's interval begins with it. */
  async function scan(): Promise<void> {
    const flow = makeFlow({ name: 'scan', n: undefined, sets: undefined, token: undefined });
    await recorder.flows.run(flow, async () => {
      const watch = context.registry.watch({ intervalMs: 3_600_000, pollMs: 100 });
      closers.push(() => watch.close());
      await scanned();
      await watch.close();
    });
  }

  /** When its first look is over, and what came of it is written. */
  async function scanned(): Promise<void> {
    const before = pulls;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      const isQuiet = !barrier.isHolding && now() - recorder.lastAt > QUIET_MS;
      if (hasNotes ? pulls >= before + 2 : isQuiet) return;
    }
  }

  let pulls = 0;
  let hasNotes = false;

  serveCalls({
    /** Begins anew, in a store of another name. */
    async open(namespace: string, pin: 'certificate' | 'key') {
      await close();
      const sealed: EncryptedCertificateStore | undefined = isHost(options.place)
        ? undefined
        : place.openSealed(namespace, barrier);
      const store = sealed ?? place.open(namespace, barrier);
      hasNotes = store.notes !== undefined;
      const { notes } = store;
      const registry = createServerRegistry({
        store: {
          ...traceStore(store, recorder),
          ...(notes && {
            notes: {
              ...notes,
              async read(names) {
                const found = await notes.read(names);
                pulls++;
                return found;
              },
            },
          }),
        },
        lookup: lookupAfter(() => barrier.at('connect')),
      });
      context = {
        member: options.name,
        registry,
        sealed,
        recorder,
        serverOf: () => Object.values(options.servers)[0] as (typeof options.servers)[string] & {},
        async person() {
          await barrier.at('person');
          return true;
        },
        pin,
        soonMs: SOON_MS,
        streams: new Streams(recorder),
      };
      closers = [
        async () => store.close?.(),
        () => registry.close(),
        () => context.streams.cancelAll(),
      ];
      // Where there is a channel, it is heard before anything happens.
      while (sealed?.stats().listening === false) await new Promise((go) => setTimeout(go, 2));
    },
    /** Begins a flow. @returns where it stands: at the point of that number, or at its end */
    async begin(name: HeldFlow, id: string, holdAt: number): Promise<Standing> {
      const held = barrier.arm(id, holdAt);
      const flow = name === 'scan' ? scan() : performFlow(context, name, id);
      running = flow.finally(() => barrier.open());
      return Promise.race([
        held.then((label) => ({ held: label })),
        running.then(() => ({ done: true as const })),
      ]);
    },
    /** Lets it go on. @returns at its end */
    async goOn() {
      barrier.open();
      await running;
    },
    /** What is still being read is read no longer. */
    async cancelStreams() {
      await context.streams.cancelAll();
    },
    async end() {
      await close();
      await place.close();
      setTimeout(() => process.disconnect(), 10);
    },
  });
  process.send?.('ready');
}
