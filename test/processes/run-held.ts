import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CertificateStore,
  createStoredCertificate,
  type StoredCertificate,
} from '../../src/index.js';
import { type Effect, now, type Operation, type Outcome } from './history.js';
import { judge, type Violation } from './judge.js';
import { judgeRegistry, MARGIN_MS, type RegistryFacts } from './judge-registry.js';
import type { MemberProgram } from './member-program.js';
import { Members } from './members.js';
import { isHost, lookMsOf, type OpenedPlace, openPlace, type StorePlace } from './places.js';
import { errorsOf, knownOf, type Report, streamsOf } from './run-round.js';
import { type PlayedServer, playServer } from './servers.js';
import { type HeldFlow, SOON_MS, type Standing } from './tasks-held.js';
import { fieldsOf } from './traced-store.js';

export const HELD_FLOWS: readonly HeldFlow[] = [
  'register',
  'replace',
  'renew',
  'approve',
  'update label',
  'update pins',
  'expire',
  'revoke',
  'scan',
  'rewrap',
  'list',
  'request',
  'stream',
];

const ALL_PAIRS = HELD_FLOWS.flatMap((f) => HELD_FLOWS.map((g) => [f, g] as const));

/** After these, what is open has to end. */
const WITHDRAWING: ReadonlySet<HeldFlow> = new Set(['revoke', 'expire', 'update pins']);
const OPEN: ReadonlySet<HeldFlow> = new Set(['request', 'stream']);
/** These meet a server whose certificate has the key on record; the others may meet another key. */
const OTHER_KEY: ReadonlySet<HeldFlow> = new Set([
  ...(['register', 'replace', 'approve', 'update label', 'expire', 'revoke'] as const),
  ...(['rewrap', 'list'] as const),
]);

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
  readonly #own: Operation[] = [];
  readonly #violations: Violation[] = [];
  readonly #blocks: { readonly prefix: string; readonly from: number; readonly to: number }[] = [];
  #callers: readonly Caller[] = [];
  #place: OpenedPlace | undefined;
  #store: CertificateStore | undefined;
  readonly #where = new Map<string, string>();
  #orders = 0;
  #tokens = 0;

  constructor(options: HeldOptions, server: PlayedServer) {
    const { program, place, ownProcessIds = false } = options;
    this.#options = options;
    this.#server = server;
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
    await this.#store?.close?.();
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
    const isOtherKey = [f, g].includes('approve') && OTHER_KEY.has(f) && OTHER_KEY.has(g);
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
    await this.#store?.close?.();
    const place = this.#place as OpenedPlace;
    const sealed = isHost(this.#options.place) ? undefined : place.openSealed(namespace);
    await sealed?.initialize();
    this.#store = sealed ?? place.open(namespace);
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
    if (!isAbsent) await this.#write(id, pin);
    else if (this.#orders % 2 === 0) await this.#delete(id);
    const first = await one.call<Standing>('begin', f, id, p);
    const second = await two.call<Standing>('begin', g, id, q);
    const where = `${f} ${standing(first)}, ${g} ${standing(second)}`;
    this.#where.set(id, where);
    const isWhole = 'done' in second;
    const withdraws = (WITHDRAWING.has(f) || WITHDRAWING.has(g)) && (OPEN.has(f) || OPEN.has(g));
    if (f === 'expire' || g === 'expire') await sleep(SOON_MS);
    // Longer than what was withdrawn may be used. What a reading found is used when it is there, however
    // long that took: that has a limit of its own.
    const isReading = 'held' in first && /read|SELECT/.test(first.held);
    if (withdraws && isWhole && !isReading) await sleep(this.#tooLateMs);
    const rest = Promise.all([one.call('goOn'), two.call('goOn')]).then(() => 'ended');
    if ((await Promise.race([rest, sleep(HUNG_MS, 'hung', { ref: false })])) === 'hung') {
      this.#violations.push({ kind: 'HUNG', text: where });
      await rest;
    }
    if (withdraws && (f === 'stream' || g === 'stream') && isWhole) {
      await sleep(this.#tooLateMs);
    }
    await three.call('begin', 'get', id, 1_000);
    await this.#read(id);
    await Promise.all([one.call('cancelStreams'), two.call('cancelStreams')]);
    // What is over is not scanned any more.
    await this.#delete(id);
    return { isFirstOver: 'done' in first, isSecondOver: isWhole };
  }

  #record(pin: 'certificate' | 'key', token: string): StoredCertificate {
    const [certificate] = this.#server.certificates;
    if (certificate === undefined) throw new Error('the server has no certificate');
    const { certificatePem, spkiPin } = certificate;
    return createStoredCertificate({
      url: this.#server.url,
      trust:
        pin === 'key'
          ? { identity: 'pin', pins: [spkiPin] }
          : { ca: certificatePem, authority: false },
      certificate: certificatePem,
      approvedBy: token,
      approvedAt: new Date(),
      labels: { f: token, w: token, life: token },
    });
  }

  async #write(id: string, pin: 'certificate' | 'key'): Promise<void> {
    const token = `setup.${this.#tokens++}`;
    const record = this.#record(pin, token);
    const fields = fieldsOf(record);
    const sets = Object.keys(fields) as (keyof typeof fields)[];
    await this.#note('setup', { kind: 'write', id, token, fields, sets }, async () => ({
      revision: await this.#stored.set(id, record),
    }));
  }

  async #delete(id: string): Promise<void> {
    await this.#note('delete', { kind: 'delete', id }, async () => {
      await this.#stored.delete(id);
      return {};
    });
  }

  async #read(id: string): Promise<void> {
    await this.#note('read', { kind: 'read', id }, async () => {
      const { record, revision } = await this.#stored.read(id);
      if (record === undefined) return { revision };
      return { revision, token: record.labels?.['w'] ?? '', fields: fieldsOf(record) };
    });
  }

  get #stored(): CertificateStore {
    return this.#store as CertificateStore;
  }

  async #note(name: string, effect: Effect, run: () => Promise<Outcome>): Promise<void> {
    const begun = now();
    const outcome = await run().catch(
      (error): Outcome => ({ error: String((error as { code?: string }).code ?? error) }),
    );
    this.#own.push({ member: 'main', name, effect, begun, ended: now(), ...outcome });
  }

  #report(): HeldReport {
    const operations = [...this.#members.operations(), ...this.#own];
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
      pinOf: new Map(certificates.map((one) => [one.fingerprint256, one.spkiPin])),
      stoppedFor: () => 0,
      endOf: (expiresAt) => Date.parse(expiresAt) - (Date.now() - now()),
      behind: () => 0,
    };
  }
}

const standing = (where: Standing): string => ('held' in where ? `held ${where.held}` : 'whole');

interface Caller {
  call<T>(task: string, ...args: unknown[]): Promise<T>;
}

/** Calls what a member serves, once it is ready. */
async function startCaller(child: ChildProcess): Promise<Caller> {
  const calls = new Map<number, { resolve(value: never): void; reject(error: Error): void }>();
  let next = 0;
  const ready = new Promise<void>((resolve, reject) => {
    child.once('exit', () => reject(new Error('a member ended before it was told to')));
    child.on('message', (message: 'ready' | { call: number; result?: never; error?: string }) => {
      if (message === 'ready') {
        resolve();
        return;
      }
      const waiting = calls.get(message.call);
      calls.delete(message.call);
      if (message.error === undefined) waiting?.resolve(message.result as never);
      else waiting?.reject(new Error(message.error));
    });
  });
  await ready;
  return {
    call: (task, ...args) =>
      new Promise((resolve, reject) => {
        const call = next++;
        calls.set(call, { resolve, reject });
        child.send({ call, task, args });
      }),
  };
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}
