import { invalidArgument } from '../../assert.js';
import { count, custom, declareOptions, readOptions, signal } from '../../options.js';
import { readThreshold, type Threshold } from './countdown.js';
import type { RegistryWatch, WatchOptions } from './events.js';
import { makeRegistryWatch, type OpenWatch } from './registry-watch.js';
import { type ScanDeps, ServerScan } from './scan-servers.js';
import { eventsOf, type Transition } from './server-state.js';

/** The watches of a registry, and the scan behind them while there are any. */
export interface ServerWatching {
  /** Watches that are open. */
  readonly count: number;
  open(options: WatchOptions): RegistryWatch;
  /** A record was changed here. Changes elsewhere come by the store, where it announces them. */
  changed(id: string): void;
  /** A request failed, for any reason. */
  failed(id: string, error: unknown): void;
  close(): Promise<void>;
}

interface CheckedWatch {
  readonly expiringDays: readonly Threshold[];
  readonly intervalMs: number;
  readonly pollMs: number;
}

export interface WatchingDeps extends ScanDeps {
  /** Another process has changed or deleted a record: what this one holds of it may be older. */
  readonly changedElsewhere: (id: string) => void;
}

export function makeServerWatching(deps: WatchingDeps): ServerWatching {
  const watches = new Map<OpenWatch, CheckedWatch>();
  let scanning: ServerScan | undefined;

  function report(transition: Transition): void {
    const { id, previous, next, first } = transition;
    if (!first && previous !== undefined && previous.recorded !== next?.recorded) {
      deps.changedElsewhere(id);
    }
    for (const [watch, { expiringDays }] of watches) {
      for (const event of eventsOf(transition, expiringDays)) watch.deliver(event);
    }
  }

  function fail(error: unknown): void {
    const event = { type: 'failed', at: new Date(), first: true, error } as const;
    for (const watch of watches.keys()) watch.deliver(event);
  }

  const shortest = (field: 'intervalMs' | 'pollMs'): number =>
    Math.min(...[...watches.values()].map((options) => options[field]));

  async function remove(watch: OpenWatch): Promise<void> {
    watches.delete(watch);
    if (watches.size > 0) return;
    const ending = scanning;
    scanning = undefined;
    await ending?.stop();
  }

  return {
    get count() {
      return watches.size;
    },
    open(given) {
      const { signal, ...options } = readWatchOptions(given);
      const close = (): void => void watch.close();
      const watch = makeRegistryWatch(async () => {
        signal?.removeEventListener('abort', close);
        await remove(watch);
      });
      watches.set(watch, options);
      if (scanning === undefined) {
        scanning = new ServerScan(deps, { report, fail, shortest });
      } else {
        const { states } = scanning;
        // After the caller had the time to listen.
        queueMicrotask(() => {
          for (const [id, next] of states.all) {
            const transition = { id, previous: undefined, next, first: false };
            for (const event of eventsOf(transition, options.expiringDays)) watch.deliver(event);
          }
        });
        scanning.hurry();
      }
      if (signal?.aborted) close();
      else signal?.addEventListener('abort', close, { once: true });
      return watch;
    },
    changed: (id) => scanning?.changed(id),
    failed: (id, error) => scanning?.requestFailed(id, error),
    async close() {
      await Promise.all([...watches.keys()].map((watch) => watch.close()));
    },
  };
}

const MS = count(100, 2_147_483_647);

const WATCH = declareOptions<WatchOptions>('registry.watch: options', {
  expiringDays: custom(
    "a list of numbers of days, from above 0 to 36500, or shares of the lifetime, such as '1/3'",
    isDays,
  ),
  intervalMs: MS,
  pollMs: MS,
  signal: signal(),
});

function isDays(value: unknown): boolean {
  return Array.isArray(value) && value.every((one) => readThreshold(one) !== undefined);
}

function readWatchOptions(
  given: WatchOptions,
): CheckedWatch & { readonly signal: AbortSignal | undefined } {
  const options = readOptions(WATCH, given);
  const { expiringDays = [30, 7, 1], intervalMs = 3_600_000 } = options;
  const { pollMs = Math.min(60_000, intervalMs) } = options;
  if (pollMs > intervalMs) invalidArgument('options.pollMs must not be above options.intervalMs');
  const thresholds = expiringDays.map((one) => readThreshold(one) as Threshold);
  return { expiringDays: thresholds, intervalMs, pollMs, signal: options.signal };
}
