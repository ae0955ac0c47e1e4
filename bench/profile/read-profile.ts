import { readFile } from 'node:fs/promises';
import { type Owner, ownerOf } from './owner-of.js';

/** What `Profiler.stop` gives, as far as it matters here. */
interface CpuProfile {
  readonly nodes: readonly CpuProfileNode[];
  readonly samples: readonly number[];
  /** Microseconds since the sample before. */
  readonly timeDeltas: readonly number[];
}

interface CpuProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

/** A function in the place that it was called from, with all that it called. */
export interface Frame {
  readonly name: string;
  readonly owner: Owner;
  /** Microseconds in itself. */
  selfUs: number;
  /** And in what it called. */
  totalUs: number;
  readonly children: Frame[];
}

/** Waiting is no work. */
const IDLE = '(idle)';

/** Reads a `.cpuprofile` as a tree of what was at work; calls of one function from one place are one. */
export async function readProfile(file: string): Promise<Frame> {
  const profile = JSON.parse(await readFile(file, 'utf8')) as CpuProfile;
  const selfUs = new Map<number, number>();
  profile.samples.forEach((id, i) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[i] ?? 0));
  });
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));

  const add = (parent: Frame, node: CpuProfileNode): void => {
    const { functionName, url } = node.callFrame;
    if (functionName === IDLE) return;
    const name = functionName || '(anonymous)';
    const owner = ownerOf(name, url);
    let frame = parent.children.find((one) => one.name === name && one.owner === owner);
    if (frame === undefined) {
      frame = { name, owner, selfUs: 0, totalUs: 0, children: [] };
      parent.children.push(frame);
    }
    frame.selfUs += selfUs.get(node.id) ?? 0;
    for (const id of node.children ?? []) add(frame, nodes.get(id) as CpuProfileNode);
  };

  const root: Frame = { name: 'all', owner: 'the bench', selfUs: 0, totalUs: 0, children: [] };
  const [top] = profile.nodes;
  for (const id of top?.children ?? []) add(root, nodes.get(id) as CpuProfileNode);
  sumUp(root);
  return root;
}

function sumUp(frame: Frame): number {
  frame.totalUs = frame.children.reduce((sum, child) => sum + sumUp(child), frame.selfUs);
  return frame.totalUs;
}

/** All frames, a caller before what it calls. */
export function* framesOf(frame: Frame): Generator<Frame> {
  yield frame;
  for (const child of frame.children) yield* framesOf(child);
}
