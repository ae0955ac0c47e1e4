/** What a process spends while something runs in it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

export interface Spent {
  readonly cpuMs: number;
  /** Resident memory above that at the beginning, at most. */
  readonly peakMb: number;
  /**
   * The longest work between two turns of the event loop: no more than the time that passed, and no more than
   * the CPU time that was spent in it, so that a busy machine is not counted.
   */
  readonly stallMs: number;
  readonly goodCalls: number;
  readonly worstGoodMs: number;
  readonly count: number | undefined;
}

const TICK_MS = 5;
/** Between two calls to the good server. */
const BEAT_MS = 50;

/** Runs `task`, with calls to a good server beside it. */
export async function measure(
  task: () => Promise<unknown>,
  callGood: () => Promise<unknown>,
): Promise<Spent> {
  for (let i = 0; i < 5; i++) await callGood();
  collect();
  await pause(50);
  const watch = new Watch();
  const beat = new Beat(callGood);
  const cpu = process.cpuUsage();
  const outcome = await task();
  const { user, system } = process.cpuUsage(cpu);
  const { goodCalls, worstGoodMs } = await beat.end();
  const { peakMb, stallMs } = watch.end();
  return {
    cpuMs: (user + system) / 1e3,
    peakMb,
    stallMs,
    goodCalls,
    worstGoodMs,
    count: typeof outcome === 'number' ? outcome : undefined,
  };
}

class Watch {
  readonly #base = process.memoryUsage.rss();
  #peak = this.#base;
  #last = performance.now();
  #longest = 0;
  #cpu = process.cpuUsage();
  readonly #timer = setInterval(() => this.#look(), TICK_MS);

  #look(): void {
    const now = performance.now();
    const { user, system } = process.cpuUsage(this.#cpu);
    const gap = Math.min(now - this.#last - TICK_MS, (user + system) / 1e3);
    this.#longest = Math.max(this.#longest, gap);
    this.#last = now;
    this.#cpu = process.cpuUsage();
    this.#peak = Math.max(this.#peak, process.memoryUsage.rss());
  }

  end(): { peakMb: number; stallMs: number } {
    this.#look();
    clearInterval(this.#timer);
    return { peakMb: (this.#peak - this.#base) / 1_048_576, stallMs: this.#longest };
  }
}

class Beat {
  #ended = false;
  #calls = 0;
  #worst = 0;
  readonly #running: Promise<void>;

  constructor(call: () => Promise<unknown>) {
    this.#running = this.#run(call);
  }

  async #run(call: () => Promise<unknown>): Promise<void> {
    while (!this.#ended) {
      const begin = performance.now();
      await call();
      this.#calls++;
      this.#worst = Math.max(this.#worst, performance.now() - begin);
      await pause(BEAT_MS);
    }
  }

  async end(): Promise<{ goodCalls: number; worstGoodMs: number }> {
    this.#ended = true;
    await this.#running;
    return { goodCalls: this.#calls, worstGoodMs: this.#worst };
  }
}

/** Needs `--expose-gc`. */
export function collect(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** How many connections of this process to any of these ports are established. */
export function socketsTo(ports: readonly number[]): number {
  const own = new Set<string>();
  for (const descriptor of readdirSync('/proc/self/fd')) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
      if (inode !== undefined) own.add(inode);
    } catch {
      // Closed meanwhile.
    }
  }
  const wanted = new Set(ports.map((port) => port.toString(16).toUpperCase().padStart(4, '0')));
  let count = 0;
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1)) {
    const [, , remote = '', state, , , , , , inode = ''] = line.trim().split(/\s+/);
    if (state === '01' && own.has(inode) && wanted.has(remote.split(':')[1] ?? '')) count++;
  }
  return count;
}

/** Of this process. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
