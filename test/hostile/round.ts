/** One behaviour against all clients. */
import type { NodeLine } from '../../scripts/node-lines.js';
import type { Behaviour } from './behaviours.js';
import { KINDS, type Kind } from './clients.js';
import { type ServerProcess, start } from './processes.js';
import { faults, median, type Result } from './verdict.js';

/** For one client and one behaviour, the wait apart. */
const MOST_MS = 90_000;

export interface RoundParts {
  readonly node: NodeLine;
  readonly behaviour: Behaviour;
  readonly hostile: ServerProcess;
  readonly good: ServerProcess;
  readonly waitMs: number;
}

export class Round {
  readonly #parts: RoundParts;
  readonly #results = new Map<Kind, Result[]>();
  /** Those that still have sockets, and are waited for. */
  readonly #settling: Promise<void>[] = [];

  constructor(parts: RoundParts) {
    this.#parts = parts;
  }

  /** One client after the other, `times` times. */
  async run(times = 1): Promise<void> {
    const { kinds = KINDS } = this.#parts.behaviour;
    for (let i = 0; i < times; i++) for (const kind of kinds) await this.#runOne(kind);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#settling);
  }

  get faults(): readonly string[] {
    const ours = this.#medianOf('ours');
    if (ours === undefined) return ['ours did not come to its end'];
    const controls = [this.#medianOf('undici'), this.#medianOf('https')];
    return faults(
      this.#parts.behaviour,
      ours,
      controls.filter((one) => one !== undefined),
    );
  }

  print(): void {
    const { behaviour } = this.#parts;
    console.log(`\n${behaviour.name}`);
    for (const kind of behaviour.kinds ?? KINDS) {
      const result = this.#medianOf(kind);
      const runs = this.#results.get(kind)?.length ?? 0;
      const again = runs > 1 ? `  (median of ${runs})` : '';
      console.log(
        `  ${kind.padEnd(7)}${result === undefined ? ' ENDED' : row(result, behaviour)}${again}`,
      );
    }
    for (const fault of this.faults) console.log(`  WORSE: ${fault}`);
  }

  #medianOf(kind: Kind): Result | undefined {
    const results = this.#results.get(kind) ?? [];
    return results.length === 0 ? undefined : median(results);
  }

  async #runOne(kind: Kind): Promise<void> {
    const { node, behaviour, hostile, good, waitMs } = this.#parts;
    const where = [JSON.stringify(hostile.servers), JSON.stringify(good.servers)];
    await hostile.counts();
    const started = start(
      node.binary,
      'contender',
      [kind, behaviour.name, String(waitMs), ...where],
      ['--expose-gc'],
    );
    const timer = setTimeout(() => started.child.kill('SIGKILL'), MOST_MS);
    try {
      const spent = JSON.parse(await started.line()) as Result;
      const { retry } = await hostile.counts();
      const count = behaviour.counts === 'GETs' ? retry : spent.count;
      const noteSockets = async (): Promise<void> => {
        const { sockets } = JSON.parse(await started.line()) as Result;
        const all = this.#results.get(kind) ?? [];
        this.#results.set(kind, [...all, { ...spent, count, sockets }]);
      };
      if (behaviour.settles) this.#settling.push(noteSockets().catch(() => {}));
      else await noteSockets();
    } catch {
      // It has no result, which is one.
      started.child.kill('SIGKILL');
    } finally {
      clearTimeout(timer);
    }
  }
}

function row(result: Result, { counts }: Behaviour): string {
  const cell = (value: number | undefined, unit: string, width: number): string =>
    `${Math.round(value ?? 0)} ${unit}`.padStart(width);
  const cells = [
    cell(result.cpuMs, 'ms CPU', 14),
    cell(result.peakMb, 'MB peak', 13),
    cell(result.stallMs, 'ms stall', 14),
    cell(result.sockets, 'sockets', 12),
    cell(result.goodCalls, 'good calls', 15),
    cell(result.worstGoodMs, 'ms the slowest', 20),
  ];
  const count = result.count === undefined ? '' : `  ${result.count} ${counts ?? ''}`;
  return cells.join('') + count;
}
