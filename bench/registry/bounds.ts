import { type RegistryFigures, type RegistrySize, SOCKETS_A_POOL } from './measure-registry.js';

export interface Bound {
  readonly what: string;
  readonly value: number;
  readonly atMost: number;
  readonly kept: boolean;
}

const MB = 1_000_000;
/**
 * What memory may grow by: code that is loaded at the first use and the heap's own slack, and so much
 * for each record in the cache and each open pool (with its sockets).
 */
const HEAP = { fixed: 24 * MB, record: 30_000, pool: 100_000 };
const RSS = { fixed: 64 * MB, record: 60_000, pool: 450_000 };

/** Holds the figures against what was configured; nothing in it grows with what is registered. */
export function checkBounds(figures: RegistryFigures, size: RegistrySize): readonly Bound[] {
  const { connections, footprints, list, answered } = figures;
  const { maxPools, cacheMax, registered, connected } = size;
  const sockets = maxPools * SOCKETS_A_POOL;
  const limit = ({ fixed, record, pool }: typeof HEAP) =>
    fixed + record * cacheMax + pool * maxPools;
  const growth = (field: 'heapBytes' | 'rssBytes') =>
    Math.max(...Object.values(footprints).map((one) => one[field])) - footprints.open[field];
  const own = (stage: 'connected' | 'closed') =>
    (footprints[stage].sockets ?? 0) - (footprints.open.sockets ?? 0);
  const bounds: readonly (readonly [string, number, number])[] = [
    ['records that list() could not read', registered - list.servers + list.failed, 0],
    ['clients that got no answer after their pool was gone', connected - answered, 0],
    ['records in the cache', footprints.connected.cached, cacheMax],
    ['open connections, all connected', connections.connected.open, sockets],
    // The pool that is new is there before the oldest has gone.
    ['open connections, at any time', connections.connected.peak, sockets + SOCKETS_A_POOL],
    ['the same while all are called again', connections['called again'].peak, sockets + 1],
    ['open connections after close()', connections.closed.open, 0],
    ['sockets of this process, all connected', own('connected'), sockets],
    ['sockets of this process after close()', own('closed'), 0],
    ['growth of the heap, bytes', growth('heapBytes'), limit(HEAP)],
    ['growth of the resident memory, bytes', growth('rssBytes'), limit(RSS)],
  ];
  return bounds.map(([what, value, atMost]) => ({ what, value, atMost, kept: value <= atMost }));
}
