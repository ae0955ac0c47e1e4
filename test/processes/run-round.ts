import { setTimeout as sleep } from 'node:timers/promises';
import { type Effect, now, type Operation, type Outcome } from './history.js';
import { judge, type Violation } from './judge.js';
import { judgeRegistry, type RegistryFacts } from './judge-registry.js';
import type { MemberProgram } from './member-program.js';
import { Members } from './members.js';
import { isHost, lookMsOf, type OpenedPlace, openPlace, type StorePlace } from './places.js';
import { type PlayedServer, playServer, type Use } from './servers.js';
import { fieldsOf } from './traced-store.js';

const MEMBERS = 4;
const STORE_IDS = ['a', 'b', 'c', 'd'];
/** See `isQuiet`: nothing is registered under two of them for most of the time. */
const REGISTRY_IDS = ['a', 'b', 'quiet1', 'quiet2'];

export interface RoundOptions {
  readonly program: MemberProgram;
  readonly place: StorePlace;
  /** At the store itself, or through a registry. */
  readonly mode: 'store' | 'registry';
  readonly seconds: number;
  /** What happens to the processes, and to the channel. */
  readonly disturbances: readonly Disturbance[];
  /** Takes the channel away for a while, where there is one that can be. */
  readonly cutChannel?: ((cut: boolean) => void) | undefined;
  readonly ownProcessIds?: boolean;
}

export type Disturbance = 'stop' | 'kill' | 'cut' | 'rotate';

export interface Report {
  readonly operations: number;
  /** Calls of a registry among them. */
  readonly flows: number;
  readonly errors: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
  /** How long after a change something older was still given out, at most. */
  readonly latest: number;
  readonly counts: Readonly<Record<Disturbance, number>>;
  readonly processes: number;
}

/** Has several processes work on one store for a while, disturbs them, and judges what came of it. */
export async function runRound(options: RoundOptions): Promise<Report> {
  const servers = new Map<string, PlayedServer>();
  if (options.mode === 'registry') {
    for (const id of REGISTRY_IDS) servers.set(id, await playServer());
  }
  const round = new Round(options, servers);
  try {
    return await round.run();
  } finally {
    await round.close();
  }
}

class Round {
  readonly #options: RoundOptions;
  readonly #servers: ReadonlyMap<string, PlayedServer>;
  readonly #members: Members;
  readonly #ids: readonly string[];
  readonly #counts = { stop: 0, kill: 0, cut: 0, rotate: 0 };

  constructor(options: RoundOptions, servers: ReadonlyMap<string, PlayedServer>) {
    this.#options = options;
    this.#servers = servers;
    this.#ids = options.mode === 'store' ? STORE_IDS : REGISTRY_IDS;
    this.#members = new Members({
      ...{ program: options.program, place: options.place, mode: options.mode, ids: this.#ids },
      servers: Object.fromEntries([...servers].map(([id, server]) => [id, knownOf(server)])),
      ownProcessIds: options.ownProcessIds ?? false,
      clocksDiffer: true,
    });
  }

  async run(): Promise<Report> {
    const { seconds, cutChannel, place } = this.#options;
    for (let i = 0; i < MEMBERS; i++) this.#members.start();
    // They set the store up together.
    await sleep(1_500);
    const end = performance.now() + seconds * 1_000;
    while (performance.now() < end) {
      await sleep(200 + Math.random() * 500);
      await this.#disturb();
    }
    await this.#members.allAwake();
    cutChannel?.(false);
    await this.#members.endAll();
    const operations = this.#members.operations();
    const last = await this.#lastReads();
    operations.push(...last.operations);
    const { violations, latest } = judge(operations, place.ttlMs);
    const more =
      this.#options.mode === 'store'
        ? judgeCounter(operations, last.counter)
        : judgeRegistry(operations, this.#facts(operations));
    return {
      operations: operations.length,
      flows: operations.filter(({ effect }) => effect.kind === 'flow').length,
      errors: errorsOf(operations),
      violations: [...violations, ...more],
      latest,
      counts: this.#counts,
      processes: this.#members.started,
    };
  }

  async close(): Promise<void> {
    await this.#members.close();
    for (const { tls } of this.#servers.values()) await tls.close();
  }

  async #disturb(): Promise<void> {
    const { disturbances, cutChannel } = this.#options;
    const what = pickOne(disturbances);
    if (what === undefined) return;
    this.#counts[what]++;
    if (what === 'cut') {
      cutChannel?.(true);
      await sleep(200 + Math.random() * 1_000);
      cutChannel?.(false);
    } else if (what === 'kill') {
      await this.#members.replaceOne();
    } else if (what === 'stop') {
      this.#members.stopOne(Math.random() ** 2 * 5_000);
    } else {
      // Mostly to the other certificate with the same key, as renewals are.
      pickOne([...this.#servers.values()])?.show(pickOne([0, 1, 0, 1, 2]) ?? 0);
    }
  }

  #facts(operations: readonly Operation[]): RegistryFacts {
    const { ttlMs } = this.#options.place;
    const certificates = [...this.#servers.values()].flatMap((server) => server.certificates);
    return {
      uses: [...[...this.#servers.values()].flatMap(({ uses }) => uses), ...streamsOf(operations)],
      requestLateMs: ttlMs,
      streamLateMs: ttlMs + lookMsOf(this.#options.place),
      pinOf: new Map(certificates.map((one) => [one.fingerprint, one.spkiPin])),
      stoppedFor: (member, from, to) => this.#members.stoppedFor(member, from, to),
      endOf: (expiresAt, setBy) =>
        Date.parse(expiresAt) - this.#members.shiftOf(setBy) - (Date.now() - now()),
      behind: (member, setBy) =>
        Math.max(0, this.#members.shiftOf(setBy) - this.#members.shiftOf(member)),
    };
  }

  /** By a process that has seen nothing of all that. */
  async #lastReads(): Promise<{ operations: readonly Operation[]; counter: number }> {
    const place = await openPlace(
      { ...this.#options.place, channel: false, ttlMs: 0 },
      this.#members.keys,
    );
    try {
      return await readLast(place, this.#options, this.#ids);
    } finally {
      await place.close();
    }
  }
}

async function readLast(
  place: OpenedPlace,
  options: RoundOptions,
  ids: readonly string[],
): Promise<{ operations: readonly Operation[]; counter: number }> {
  const isRegistry = options.mode === 'registry';
  const sealed = isHost(options.place)
    ? undefined
    : place.openSealed(isRegistry ? 'registry' : 'processes');
  const store = sealed ?? place.open('registry');
  const operations: Operation[] = [];
  const perform = async (name: string, effect: Effect, run: () => Promise<Outcome>) => {
    const begun = now();
    const outcome = await run().catch((error): Outcome => ({ error: String(error.code) }));
    operations.push({ member: 'last', name, effect, begun, ended: now(), ...outcome });
  };
  for (const id of ids) {
    await perform('read', { kind: 'read', id }, async () => {
      const { record, revision } = await store.read(id);
      if (record === undefined) return { revision };
      if (isRegistry) {
        return { revision, token: record.labels?.['w'] ?? '', fields: fieldsOf(record) };
      }
      return { revision, token: record.approvedBy ?? '' };
    });
  }
  await perform('list', { kind: 'list' }, async () => ({ entries: await store.list() }));
  const [counter] = (await sealed?.notes.read(['counter'])) ?? [];
  await store.close?.();
  return { operations, counter: Number(counter ?? 0) };
}

/** When the last byte of each stream was read. */
export function streamsOf(operations: readonly Operation[]): readonly Use[] {
  return operations.flatMap(({ name, effect, member, lastByteAt }) => {
    const certificate = name.startsWith('stream ') ? name.slice('stream '.length) : '';
    if (certificate === '' || effect.kind !== 'flow' || lastByteAt === undefined) return [];
    return [{ id: effect.id, what: 'stream', member, certificate, at: lastByteAt } as const];
  });
}

export function knownOf({ url, certificates }: PlayedServer) {
  return { url, pins: [...new Set(certificates.map(({ spkiPin }) => spkiPin))] };
}

function judgeCounter(operations: readonly Operation[], there: number): readonly Violation[] {
  const counts = operations.filter(({ name }) => name === 'count');
  const done = counts.filter(({ error, ended }) => error === undefined && ended < Infinity);
  const unsure = counts.filter(
    ({ error, ended }) => ended === Infinity || /OUTCOME_UNKNOWN/.test(error ?? ''),
  );
  if (there >= done.length && there <= done.length + unsure.length) return [];
  const text = `${done.length} acknowledged, ${unsure.length} unsure, ${there} there`;
  return [{ kind: 'INCREMENTS LOST', text }];
}

export function errorsOf(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const { error } of operations) {
    if (error === undefined) continue;
    const code = error.replace(/MCP_TLS_(STORE_)?/, '');
    errors.set(code, (errors.get(code) ?? 0) + 1);
  }
  return errors;
}

const pickOne = <T>(from: readonly T[]): T | undefined =>
  from[Math.floor(Math.random() * from.length)];
