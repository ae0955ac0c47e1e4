import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aRecord } from '../unit/store/support.js';
import { type Effect, now, type Operation, type Outcome, readNotes } from './history.js';
import { judge, type Violation } from './judge.js';
import type { MemberOptions } from './member.js';
import type { MemberProgram } from './member-program.js';
import { type OpenedStore, openStore, type StorePlace } from './places.js';

const MEMBERS = 4;
/** The wall clocks of the members, in ms: ten minutes and more apart. */
const SHIFTS = [0, 600_000, -600_000, 60_000];
const IDS = ['a', 'b', 'c', 'd'];

export interface RoundOptions {
  readonly program: MemberProgram;
  readonly place: StorePlace;
  readonly seconds: number;
  /** What happens to the processes, and to the channel. */
  readonly disturbances: readonly Disturbance[];
  /** Takes the channel away for a while, where there is one that can be. */
  readonly cutChannel?: (cut: boolean) => void;
}

export type Disturbance = 'stop' | 'kill' | 'cut';

export interface RoundReport {
  readonly operations: number;
  readonly errors: ReadonlyMap<string, number>;
  readonly violations: readonly Violation[];
  readonly latest: number;
  readonly counts: Readonly<Record<Disturbance, number>>;
  readonly processes: number;
}

/** Has several processes work on one store for a while, disturbs them, and judges what came of it. */
export async function runRound(options: RoundOptions): Promise<RoundReport> {
  const round = new Round(options);
  try {
    return await round.run();
  } finally {
    await round.close();
  }
}

class Round {
  readonly #options: RoundOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'mcp-tls-processes-'));
  readonly #keys = ['k1', 'k2'].map((id) => ({ id, key: randomBytes(32).toString('base64url') }));
  readonly #template = aRecord();
  /** Each that was ever started, by name. */
  readonly #children = new Map<string, ChildProcess>();
  readonly #counts = { stop: 0, kill: 0, cut: 0 };
  readonly #waking = new Set<Promise<void>>();

  constructor(options: RoundOptions) {
    this.#options = options;
  }

  async run(): Promise<RoundReport> {
    for (let i = 0; i < MEMBERS; i++) this.#start(i);
    // They set the store up together.
    await sleep(1_500);
    const end = performance.now() + this.#options.seconds * 1_000;
    while (performance.now() < end) {
      await sleep(300 + Math.random() * 700);
      await this.#disturb();
    }
    await Promise.all(this.#waking);
    this.#options.cutChannel?.(false);
    await this.#stopAll();
    const operations = this.#operations();
    operations.push(...(await this.#finalReads()));
    const { violations, latest } = judge(operations, this.#options.place.ttlMs);
    const count = await this.#judgeCounter(operations);
    return {
      operations: operations.length,
      errors: errorsOf(operations),
      violations: [...violations, ...count],
      latest,
      counts: this.#counts,
      processes: this.#children.size,
    };
  }

  async close(): Promise<void> {
    for (const child of this.#running()) await kill(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #start(slot: number): void {
    const name = `p${this.#children.size}`;
    // Keys in another order, so that a rewrap always finds something to do.
    const keys = slot % 2 === 0 ? this.#keys : [...this.#keys].reverse();
    const member: MemberOptions = {
      name,
      place: this.#options.place,
      keys,
      ids: IDS,
      template: this.#template,
      notes: this.#notesOf(name),
    };
    const { clock, main } = this.#options.program;
    const child = spawn(process.execPath, ['--require', clock, main], {
      env: {
        ...process.env,
        MCP_TLS_MEMBER: JSON.stringify(member),
        MCP_TLS_CLOCK_SHIFT: `${SHIFTS[slot % SHIFTS.length]}`,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#children.set(name, child);
  }

  async #disturb(): Promise<void> {
    const { disturbances, cutChannel } = this.#options;
    const what = disturbances[Math.floor(Math.random() * disturbances.length)];
    const running = this.#running();
    const child = running[Math.floor(Math.random() * running.length)];
    if (what === undefined || child === undefined) return;
    this.#counts[what]++;
    if (what === 'cut') {
      cutChannel?.(true);
      await sleep(200 + Math.random() * 1_000);
      cutChannel?.(false);
    } else if (what === 'kill') {
      await kill(child);
      this.#start(this.#children.size);
    } else {
      child.kill('SIGSTOP');
      const waking = sleep(Math.random() ** 2 * 5_000).then(() => void child.kill('SIGCONT'));
      this.#waking.add(waking);
      waking.finally(() => this.#waking.delete(waking));
    }
  }

  #running(): ChildProcess[] {
    return [...this.#children.values()].filter(
      ({ exitCode, signalCode }) => exitCode === null && signalCode === null,
    );
  }

  async #stopAll(): Promise<void> {
    const running = this.#running();
    const ended = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.send('stop');
    const giveUp = sleep(30_000, 'late', { ref: false });
    if ((await Promise.race([Promise.all(ended), giveUp])) === 'late') {
      throw new Error('a process did not end by itself');
    }
  }

  #operations(): Operation[] {
    return [...this.#children.keys()].flatMap((name) => {
      let text = '';
      try {
        text = readFileSync(this.#notesOf(name), 'utf8');
      } catch {
        // Killed before it had begun.
      }
      return readNotes(name, text);
    });
  }

  /** By a process that has seen nothing of all that. */
  async #finalReads(): Promise<Operation[]> {
    const { store, close } = this.#openAnew();
    const operations: Operation[] = [];
    const perform = async (name: string, effect: Effect, run: () => Promise<Outcome>) => {
      const begun = now();
      const outcome = await run().catch((error): Outcome => ({ error: String(error.code) }));
      operations.push({ member: 'last', name, effect, begun, ended: now(), ...outcome });
    };
    for (const id of IDS) {
      await perform('read', { kind: 'read', id }, async () => {
        const { record, revision } = await store.read(id);
        return { revision, ...(record?.approvedBy && { token: record.approvedBy }) };
      });
    }
    await perform('list', { kind: 'list' }, async () => ({ entries: await store.list() }));
    await close();
    return operations;
  }

  #openAnew(): OpenedStore {
    return openStore({ ...this.#options.place, channel: false, ttlMs: 0 }, this.#keys);
  }

  async #judgeCounter(operations: readonly Operation[]): Promise<Violation[]> {
    const counts = operations.filter(({ name }) => name === 'count');
    const done = counts.filter(({ error, ended }) => error === undefined && ended < Infinity);
    const unsure = counts.filter(
      ({ error, ended }) => ended === Infinity || /OUTCOME_UNKNOWN/.test(error ?? ''),
    );
    const { store, close } = this.#openAnew();
    const [there] = (await store.notes.read(['counter'])) as [number | undefined];
    await close();
    const value = there ?? 0;
    if (value >= done.length && value <= done.length + unsure.length) return [];
    const text = `${done.length} acknowledged, ${unsure.length} unsure, ${value} there`;
    return [{ kind: 'INCREMENTS LOST', text }];
  }

  #notesOf(name: string): string {
    return join(this.#folder, `${name}.jsonl`);
  }
}

function errorsOf(operations: readonly Operation[]): ReadonlyMap<string, number> {
  const errors = new Map<string, number>();
  for (const { error } of operations) {
    if (error === undefined) continue;
    const code = error.replace('MCP_TLS_STORE_', '');
    errors.set(code, (errors.get(code) ?? 0) + 1);
  }
  return errors;
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
