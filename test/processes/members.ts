import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { aRecord } from '../unit/store/support.js';
import { now, type Operation, readNotes } from './history.js';
import type { MemberOptions, MemberServer } from './member.js';
import type { MemberProgram } from './member-program.js';
import type { StorePlace } from './places.js';

/** The wall clocks of the members, in ms: ten minutes and more apart. */
const SHIFTS = [0, 600_000, -600_000, 60_000];

const ROLES: readonly MemberOptions['role'][] = ['watches', 'changes', 'watches', 'uses'];

export interface MembersOptions {
  readonly program: MemberProgram;
  readonly place: StorePlace;
  readonly mode: MemberOptions['mode'];
  readonly ids: readonly string[];
  readonly servers: Readonly<Record<string, MemberServer>>;
  /** Each in a process namespace of its own, as a container has one; the host's name is the same. */
  readonly ownProcessIds: boolean;
  /** Whether their clocks differ. */
  readonly clocksDiffer: boolean;
}

interface Member {
  readonly child: ChildProcess;
  readonly shift: number;
  /** When it stood still, by the monotonic clock. */
  readonly stops: { from: number; to: number }[];
}

/** Processes over one store, with the notes of what each of them did. */
export class Members {
  readonly keys: readonly { readonly id: string; readonly key: string }[] = ['k1', 'k2'].map(
    (id) => ({ id, key: randomBytes(32).toString('base64url') }),
  );
  readonly #options: MembersOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'mcp-tls-processes-'));
  readonly #template = aRecord();
  /** Each that was ever started, by name. */
  readonly #members = new Map<string, Member>();
  readonly #waking = new Set<Promise<void>>();

  constructor(options: MembersOptions) {
    this.#options = options;
  }

  get started(): number {
    return this.#members.size;
  }

  start(): ChildProcess {
    const slot = this.#members.size;
    const name = `p${slot}`;
    const { program, place, mode, ids, servers, ownProcessIds, clocksDiffer } = this.#options;
    // Keys in another order, so that a rewrap always finds something to do.
    const keys = slot % 2 === 0 ? this.keys : [...this.keys].reverse();
    const shift = clocksDiffer ? (SHIFTS[slot % SHIFTS.length] ?? 0) : 0;
    const notes = this.#notesOf(name);
    const template = this.#template;
    const role = ROLES[slot % ROLES.length] ?? 'changes';
    const parts = { name, place, keys, ids, template, notes, mode, servers, role };
    const options: MemberOptions = parts;
    const command = [process.execPath, '--require', program.clock, program.main];
    const [file = '', ...words] = ownProcessIds ? inNamespace(command) : command;
    const child = spawn(file, words, {
      env: {
        ...process.env,
        MCP_TLS_MEMBER: JSON.stringify(options),
        MCP_TLS_CLOCK_SHIFT: `${shift}`,
      },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#members.set(name, { child, shift, stops: [] });
    return child;
  }

  /** Has one of them stand still for a while, and does not wait for that. */
  stopOne(ms: number): void {
    const member = this.#pick();
    if (member === undefined) return;
    const stop = { from: now(), to: Number.POSITIVE_INFINITY };
    member.stops.push(stop);
    this.#signal(member.child, 'SIGSTOP');
    const waking = sleep(ms).then(() => {
      this.#signal(member.child, 'SIGCONT');
      stop.to = now();
    });
    this.#waking.add(waking);
    void waking.finally(() => this.#waking.delete(waking));
  }

  /** Kills one, and starts another in its place. */
  async replaceOne(): Promise<void> {
    const member = this.#pick();
    if (member === undefined) return;
    await kill(member.child);
    this.start();
  }

  /** Waits until nobody stands still any more. */
  async allAwake(): Promise<void> {
    await Promise.all(this.#waking);
  }

  /** Has all of them come to their end. */
  async endAll(): Promise<void> {
    const running = this.#running();
    const ended = running.map(({ child }) => new Promise((resolve) => child.once('exit', resolve)));
    for (const { child } of running) child.send('stop');
    const giveUp = sleep(30_000, 'late', { ref: false });
    if ((await Promise.race([Promise.all(ended), giveUp])) === 'late') {
      throw new Error('a process did not end by itself');
    }
  }

  /** What all of them noted. */
  operations(): Operation[] {
    return [...this.#members.keys()].flatMap((name) => {
      let text = '';
      try {
        text = readFileSync(this.#notesOf(name), 'utf8');
      } catch {
        // Killed before it had begun.
      }
      return readNotes(name, text);
    });
  }

  stoppedFor(name: string, from: number, to: number): number {
    const stops = this.#members.get(name)?.stops ?? [];
    const parts = stops.map((stop) => Math.min(stop.to, to) - Math.max(stop.from, from));
    return parts.reduce((sum, part) => sum + Math.max(0, part), 0);
  }

  /** How far its clock is ahead of this process's, in ms. */
  shiftOf(name: string): number {
    return this.#members.get(name)?.shift ?? 0;
  }

  async close(): Promise<void> {
    for (const { child } of this.#running()) await kill(child);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #pick(): Member | undefined {
    const running = this.#running();
    return running[Math.floor(Math.random() * running.length)];
  }

  #running(): Member[] {
    return [...this.#members.values()].filter(
      ({ child }) => child.exitCode === null && child.signalCode === null,
    );
  }

  #signal(child: ChildProcess, signal: NodeJS.Signals): void {
    const pid = this.#options.ownProcessIds ? innerPid(child) : child.pid;
    try {
      if (pid !== undefined) process.kill(pid, signal);
    } catch {
      // Killed meanwhile.
    }
  }

  #notesOf(name: string): string {
    return join(this.#folder, `${name}.jsonl`);
  }
}

/** Why this machine makes no process namespaces; `undefined`: it does. */
export function namespacesRefused(): string | undefined {
  const [file = '', ...words] = inNamespace(['true']);
  const { status, stderr, error } = spawnSync(file, words, { encoding: 'utf8' });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim();
}

function inNamespace(command: readonly string[]): string[] {
  return ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child', ...command];
}

/** What runs in the namespace, by its process id out here. */
function innerPid({ pid }: ChildProcess): number | undefined {
  try {
    const [first] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
    return first ? Number(first) : undefined;
  } catch {
    return undefined;
  }
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
