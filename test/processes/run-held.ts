import { setTimeout as sleep } from 'node:timers/promises';
import { type Caller, startCaller } from './caller.js';
import { ALL_PAIRS, meetsOtherKey, withdraws } from './held-pairs.js';
import { now, type Operation } from './history.js';
import { judge, type Violation } from './judge.js';
import { judgeRegistry, MARGIN_MS, type RegistryFacts } from './judge-registry.js';
import type { MemberProgram } from './member-program.js';
import { Members } from './members.js';
import { NotedStore } from './noted-store.js';
import { isHost, lookMsOf, type OpenedPlace, openPlace, type StorePlace } from './places.js';
import { errorsOf, knownOf, type Report, streamsOf } from './run-round.js';
import { type PlayedServer, playServer } from './servers.js';
import { type HeldFlow, SOON_MS, type Standing } from './tasks-held.js';

const MAX_POINTS = 60;
const HUNG_MS = 20_000;

export interface HeldOptions {
  readonly program: MemberProgram;
  readonly place: StorePlace;
  /** `undefined`: every order there is. */
  readonly seconds: number | undefined;
  readonly ownProcessIds?: boolean;
  /** Default: each flow with each. */
  readonly pairs?: readonly (readonly [HeldFlow, HeldFlow])[] | undefined;
}

/** Of a held run: also how many orders were tried. */
export interface HeldReport extends Report {
  readonly orders: number;
}

/**
 * Has two processes do two flows over one record in every order that two stops allow: the first goes to
 * one of the points where it waits for something, the second to one of its own or to its end, then the
 * first goes on to its end, and the second too. A third process looks, and this one.
 */
export async function runHeld(options: HeldOptions): Promise<HeldReport> {
  const server = await playServer();
  const run = new HeldRun(options, server);
  try {
    return await run.run();
  } finally {
    await run.close();
  }
}

class HeldRun {
  readonly #options: HeldOptions;
  readonly #server: PlayedServer;
  readonly #members: Members;
  readonly #stored: NotedStore;
  readonly #violations: Violation[] = [];
  readonly #blocks: { readonly prefix: string; readonly from: number; readonly to: number }[] = [];
  #callers: readonly Caller[] = [];
  #place: OpenedPlace | undefined;
  readonly #where = new Map<string, string>();
  #orders = 0;

  constructor(options: HeldOptions, server: PlayedServer) {
    const { program, place, ownProcessIds = false } = options;
    this.#options = options;
    this.#server = server;
    this.#stored = new NotedStore(server);
    this.#members = new Members({
      ...{ program, place, mode: 'held', ids: [], ownProcessIds, clocksDiffer: false },
      servers: { one: knownOf(server) },
    });
  }

  async run(): Promise<HeldReport> {
    this.#callers = await Promise.all([0, 1, 2].map(() => startCaller(this.#members.start())));
    this.#place = await openPlace(this.#options.place, this.#members.keys);
    const { seconds = Number.POSITIVE_INFINITY, pairs = ALL_PAIRS } = this.#options;
    const end = performance.now() + seconds * 1_000;
    for (const [i, [f, g]] of shuffled(pairs).entries()) {
      if (performance.now() > end) break;
      await this.#block(`h${i}`, f, g, end);
    }
    await Promise.all(this.#callers.map((caller) => caller.call('end')));
    return this.#report();
  }

  async close(): Promise<void> {
    await this.#members.close();
    await this.#stored.use(undefined);
    await this.#place?.close();
    await this.#server.tls.close();
  }

  /** How long after its withdrawal nothing may be left of a connection. */
  get #tooLateMs(): number {
    const { place } = this.#options;
    return place.ttlMs + lookMsOf(place) + MARGIN_MS + 100;
  }

  /** All orders of two flows, in a store of their own. */
  async #block(prefix: string, f: HeldFlow, g: HeldFlow, end: number): Promise<void> {
    const from = now();
    const isOtherKey = meetsOtherKey(f, g);
    const pin = isOtherKey ? 'certificate' : 'key';
    this.#server.show(isOtherKey ? 2 : 1);
    await this.#openStore(prefix, pin);
    // Some of the orders, where there is no time for all.
    const isChosen = () => this.#options.seconds === undefined || Math.random() < 0.2;
    let n = 0;
    for (let p = 1; p <= MAX_POINTS; p++) {
      let isOver = false;
      for (let q = 1; q <= MAX_POINTS && performance.now() < end; q++) {
        const isWhole = q === MAX_POINTS;
        if (!isWhole && q > 1 && !isChosen()) continue;
        const id = `${prefix}.${n++}`;
        const stand = await this.#order(id, pin, [f, p], [g, isWhole ? 1_000 : q]);
        isOver = stand.isFirstOver;
        // Its end was reached before that point: this was the order in which it comes whole.
        if (stand.isSecondOver && !isWhole) q = MAX_POINTS;
        if (isOver) break;
      }
      if (isOver || performance.now() > end) break;
    }
    this.#blocks.push({ prefix, from, to: now() });
  }

  async #openStore(namespace: string, pin: 'certificate' | 'key'): Promise<void> {
    const place = this.#place as OpenedPlace;
    const sealed = isHost(this.#options.place) ? undefined : place.openSealed(namespace);
    await sealed?.initialize();
    await this.#stored.use(sealed ?? place.open(namespace));
    await Promise.all(this.#callers.map((caller) => caller.call('open', namespace, pin)));
  }

  async #order(
    id: string,
    pin: 'certificate' | 'key',
    [f, p]: readonly [HeldFlow, number],
    [g, q]: readonly [HeldFlow, number],
  ): Promise<{ isFirstOver: boolean; isSecondOver: boolean }> {
    const [one, two, three] = this.#callers as readonly [Caller, Caller, Caller];
    this.#orders++;
    const isAbsent = f === 'register' || g === 'register';
    if (!isAbsent) await this.#stored.write(id, pin);
    else if (this.#orders % 2 === 0) await this.#stored.delete(id);
    const first = await one.call<Standing>('begin', f, id, p);
    const second = await two.call<Standing>('begin', g, id, q);
    const where = `${f} ${standing(first)}, ${g} ${standing(second)}`;
    this.#where.set(id, where);
    const isWhole = 'done' in second;
    const mustEnd = withdraws(f, g) && isWhole;
    if (f === 'expire' || g === 'expire') await sleep(SOON_MS);
    // Longer than what was withdrawn may be used. What a reading found is used when it is there, however
    // long that took: that has a limit of its own.
    const isReading = 'held' in first && /read|SELECT/.test(first.held);
    if (mustEnd && !isReading) await sleep(this.#tooLateMs);
    const rest = Promise.all([one.call('goOn'), two.call('goOn')]).then(() => 'ended');
    if ((await Promise.race([rest, sleep(HUNG_MS, 'hung', { ref: false })])) === 'hung') {
      this.#violations.push({ kind: 'HUNG', text: where });
      await rest;
    }
    if (mustEnd && (f === 'stream' || g === 'stream')) {
      await sleep(this.#tooLateMs);
    }
    await three.call('begin', 'get', id, 1_000);
    await this.#stored.read(id);
    await Promise.all([one.call('cancelStreams'), two.call('cancelStreams')]);
    // What is over is not scanned any more.
    await this.#stored.delete(id);
    return { isFirstOver: 'done' in first, isSecondOver: isWhole };
  }

  #report(): HeldReport {
    const operations = [...this.#members.operations(), ...this.#stored.operations];
    const byBlock = new Map(this.#blocks.map(({ prefix }) => [prefix, [] as Operation[]]));
    for (const one of operations) {
      const { effect, begun } = one;
      const block =
        'id' in effect
          ? effect.id.split('.')[0]
          : this.#blocks.find(({ from, to }) => begun >= from && begun <= to)?.prefix;
      byBlock.get(block ?? '')?.push(one);
    }
    const violations = [...this.#violations];
    let latest = 0;
    for (const of of byBlock.values()) {
      const verdict = judge(of, 0);
      latest = Math.max(latest, verdict.latest);
      violations.push(...verdict.violations, ...judgeRegistry(of, this.#facts(of)));
    }
    return {
      operations: operations.length,
      flows: operations.filter(({ effect }) => effect.kind === 'flow').length,
      errors: errorsOf(operations),
      violations: violations.map(({ kind, text }) => ({ kind, text: this.#located(text) })),
      latest,
      counts: { stop: 0, kill: 0, cut: 0, rotate: 0 },
      processes: this.#members.started + 1,
      orders: this.#orders,
    };
  }

  /** With where the flows stood. */
  #located(text: string): string {
    const id = /\bh\d+\.\d+\b/.exec(text)?.[0];
    return id === undefined ? text : `${text} [${this.#where.get(id)}]`;
  }

  #facts(operations: readonly Operation[]): RegistryFacts {
    const { certificates, uses } = this.#server;
    const ids = new Set(operations.flatMap(({ effect }) => ('id' in effect ? [effect.id] : [])));
    return {
      uses: [...uses.filter(({ id }) => ids.has(id)), ...streamsOf(operations)],
      // One that waits for its connection ends like a stream.
      requestLateMs: this.#options.place.ttlMs + lookMsOf(this.#options.place),
      streamLateMs: this.#options.place.ttlMs + lookMsOf(this.#options.place),
      pinOf: new Map(certificates.map((one) => [one.fingerprint, one.spkiPin])),
      stoppedFor: () => 0,
      endOf: (expiresAt) => Date.parse(expiresAt) - (Date.now() - now()),
      behind: () => 0,
    };
  }
}

const standing = (where: Standing): string => ('held' in where ? `held ${where.held}` : 'whole');

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
