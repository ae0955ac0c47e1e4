import { createHash, randomUUID } from 'node:crypto';
import { makeKeyedQueue } from '../../store/keyed-queue.js';
import type { StoreNotes } from '../../store/store-notes.js';
import { type ServerState, type Transition, withReported } from './server-state.js';

/**
 * What all processes know of the servers, in the notes of their store, divided into shards: one note
 * each, claimed by one process while it connects to the servers in it.
 */
export interface SharedStates {
  /** What this process reported last. */
  known(id: string): ServerState | undefined;
  readonly all: ReadonlyMap<string, ServerState>;
  /** Reads what others found, and reports it. */
  pull(): Promise<void>;
  /** Changes one state and reports it. `change` returns `undefined` to leave it, `null` to delete it. */
  patch(id: string, change: Change): Promise<void>;
  /** Adds and reports those that nobody knew; others stay as they are. */
  learn(found: ReadonlyMap<string, ServerState>): Promise<void>;
  /** Whether some shard was not looked at for `intervalMs`. After {@link pull}. */
  isDue(intervalMs: number): boolean;
  /** The time for which no other process will take the shard, if it is due and free. */
  claim(shard: number, intervalMs: number, claimMs: number): Promise<boolean>;
  /**
   * Writes what was found. A state that another wrote meanwhile stays. Unless the look is going on, it
   * ends the claim; unless it was whole, the shard is due as before.
   */
  publish(shard: number, found: ReadonlyMap<string, Found>, look: Look): Promise<void>;
}

/** The state before, and the one that was found: `null` for a server that is not registered any more. */
export interface Found {
  readonly before: ServerState | undefined;
  readonly state: ServerState | null;
}

/** How far the look at a shard is. */
export type Look = 'going on' | 'whole' | 'broken off';

type Change = (old: ServerState | undefined) => ServerState | null | undefined;

/** Many enough that one note with 1,000 servers in it stays far below what an envelope may hold. */
const SHARDS = 64;

const FORMAT = 2;

interface Claim {
  /** The process. */
  readonly by: string;
  /** Of this one claim. */
  readonly id: string;
  /** How long it holds, from when it is seen. */
  readonly ms: number;
}

interface Shard {
  /** When it was last looked at whole, milliseconds since 1970. */
  readonly at: number;
  readonly claim?: Claim | undefined;
  readonly servers: ReadonlyMap<string, ServerState>;
}

const EMPTY: Shard = { at: 0, servers: new Map() };

/** Stable, and even for ids of any shape. */
export function shardOf(id: string): number {
  return createHash('sha256').update(id).digest().readUInt16BE(0) % SHARDS;
}

export function makeSharedStates(
  notes: StoreNotes,
  report: (transition: Transition) => void,
): SharedStates {
  const me = randomUUID();
  const known = new Map<string, ServerState>();
  const shards = new Map<number, Shard>();
  const sights = new Map<number, Sight>();
  // A reading that overtakes a newer one would report the way back.
  const queue = makeKeyedQueue();
  const serially = <T>(task: () => Promise<T>): Promise<T> => queue('', task);

  /** Reports the difference between what this process knew and `shard`. */
  function take(index: number, shard: Shard, first: (id: string) => boolean): void {
    const before = shards.get(index) ?? EMPTY;
    shards.set(index, shard);
    sights.set(index, sightOf(shard, sights.get(index)));
    for (const id of new Set([...before.servers.keys(), ...shard.servers.keys()])) {
      const [previous, next] = [known.get(id), shard.servers.get(id)];
      if (next === undefined) known.delete(id);
      else known.set(id, next);
      if (previous !== next) report({ id, previous, next, first: first(id) });
    }
  }

  async function updateNow(
    index: number,
    change: (
      shard: Shard,
    ) => { readonly shard: Shard; readonly mine: ReadonlySet<string> } | undefined,
  ): Promise<boolean> {
    let seen: Shard = EMPTY;
    let made: ReturnType<typeof change>;
    const written = await notes.update(nameOf(index), (old) => {
      seen = sameOrNew(shards.get(index), readShard(old));
      made = change(seen);
      return made === undefined ? undefined : writeShard(made.shard);
    });
    // What others had found comes first, and is theirs.
    take(index, seen, () => false);
    if (!written || made === undefined) return false;
    const { shard, mine } = made;
    take(index, shard, (id) => mine.has(id));
    return true;
  }

  const update = (...args: Parameters<typeof updateNow>): Promise<boolean> =>
    serially(() => updateNow(...args));

  return {
    known: (id) => known.get(id),
    all: known,
    pull: () =>
      serially(async () => {
        const indices = Array.from({ length: SHARDS }, (_, index) => index);
        const values = await notes.read(indices.map(nameOf));
        for (const index of indices) {
          take(index, sameOrNew(shards.get(index), readShard(values[index])), () => false);
        }
      }),
    async patch(id, change) {
      await update(shardOf(id), (shard) => {
        const state = change(shard.servers.get(id));
        if (state === undefined || (state === null && !shard.servers.has(id))) return undefined;
        return {
          shard: { ...shard, servers: withState(shard, [[id, state]]) },
          mine: new Set([id]),
        };
      });
    },
    async learn(found) {
      const byShard = new Map<number, [string, ServerState][]>();
      for (const one of found) {
        const index = shardOf(one[0]);
        byShard.set(index, [...(byShard.get(index) ?? []), one]);
      }
      for (const [index, states] of byShard) {
        await update(index, (shard) => {
          const mine = states.filter(([id]) => !shard.servers.has(id));
          if (mine.length === 0) return undefined;
          const servers = withState(shard, mine);
          return { shard: { ...shard, servers }, mine: new Set(mine.map(([id]) => id)) };
        });
      }
    },
    isDue(intervalMs) {
      return [...shards].some(
        ([index, { servers }]) => servers.size > 0 && isFree(sights.get(index), intervalMs),
      );
    },
    claim: (index, intervalMs, claimMs) =>
      update(index, (shard) => {
        if (!isFree(sightOf(shard, sights.get(index)), intervalMs)) return undefined;
        const claim = { by: me, id: randomUUID(), ms: claimMs };
        return { shard: { ...shard, claim }, mine: new Set() };
      }),
    async publish(index, found, look) {
      await update(index, (shard) => {
        // Too late: another process has taken over, and reports for itself.
        if (shard.claim?.by !== me) return undefined;
        const mine = [...found].filter(([id, { before }]) => isSame(shard.servers.get(id), before));
        const states = mine.map(([id, { state }]) => [id, state] as const);
        const servers = withState(shard, states);
        const at = look === 'whole' ? Date.now() : shard.at;
        const next = { at, servers, ...(look === 'going on' && { claim: shard.claim }) };
        return { shard: next, mine: new Set(mine.map(([id]) => id)) };
      });
    },
  };
}

const nameOf = (index: number): string => `watch-${index}`;

/**
 * What a shard says of time, by this process's own monotonic clock. Clocks of machines differ, by minutes
 * now and then: nothing is compared with the time of another but once, when a shard is first seen.
 */
interface Sight {
  readonly at: number;
  /** When the last whole look was. */
  readonly lookedAt: number;
  readonly claim: Claim | undefined;
  readonly claimEnds: number;
}

function sightOf({ at, claim }: Shard, before: Sight | undefined): Sight {
  const now = performance.now();
  // One that was made while this process was watching was made just now.
  const age = before === undefined ? Math.max(0, Date.now() - at) : 0;
  const isSame = before?.at === at;
  const isSameClaim = before !== undefined && before.claim?.id === claim?.id;
  return {
    at,
    lookedAt: isSame ? before.lookedAt : now - age,
    claim,
    claimEnds: isSameClaim ? before.claimEnds : now + (claim?.ms ?? 0),
  };
}

function isFree(sight: Sight | undefined, intervalMs: number): boolean {
  const now = performance.now();
  if (sight === undefined) return true;
  const isClaimed = sight.claim !== undefined && now < sight.claimEnds;
  return !isClaimed && now - sight.lookedAt >= intervalMs;
}

function withState(
  { servers }: Shard,
  states: readonly (readonly [string, ServerState | null])[],
): ReadonlyMap<string, ServerState> {
  const next = new Map(servers);
  for (const [id, state] of states) {
    if (state === null) next.delete(id);
    else next.set(id, withReported(servers.get(id), state));
  }
  return next;
}

/** States that are equal stay the same object, by which an unchanged one is known. */
function sameOrNew(before: Shard | undefined, shard: Shard): Shard {
  if (before === undefined) return shard;
  const servers = new Map(shard.servers);
  for (const [id, state] of servers) {
    const old = before.servers.get(id);
    if (old !== undefined && isSame(old, state)) servers.set(id, old);
  }
  return { ...shard, servers };
}

function isSame(a: ServerState | undefined, b: ServerState | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** Ids are any strings, `__proto__` too: pairs, and no object with ids for keys. */
function writeShard({ at, claim, servers }: Shard): unknown {
  return { v: FORMAT, at, ...(claim && { claim }), servers: [...servers] };
}

/** Sealed by us, so only the format can be foreign: then it is as if there were none. */
function readShard(value: unknown): Shard {
  const { v, at, claim, servers } = (value ?? {}) as Record<string, unknown>;
  if (v !== FORMAT) return EMPTY;
  return {
    at: at as number,
    claim: claim as Shard['claim'],
    servers: new Map(servers as [string, ServerState][]),
  };
}
