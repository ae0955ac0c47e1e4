import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { startWorker } from '../../test/store/workers/start-worker.js';
import type { Footprint, GatewayOptions } from './gateway.js';
import type { BenchServer, Connections } from './servers.js';

export interface RegistrySize {
  /** Records in the store. */
  readonly registered: number;
  /** Servers that run, each with a certificate of its own; all are connected to in turn. */
  readonly connected: number;
  readonly maxPools: number;
  readonly cacheMax: number;
}

/**
 * A client that connects has three requests under way at a time (its first call, the notification
 * that it is initialized, the GET of the stream), and each has a connection of its own.
 */
export const SOCKETS_A_POOL = 3;

export interface RegistryFigures {
  readonly registerMs: number;
  readonly list: { readonly ms: number; readonly servers: number; readonly failed: number };
  /** From `streamableHttpClient(id)` to the answer of the first tool, each server. */
  readonly firstCallMs: readonly number[];
  /** After all were connected to: calls through clients, most of whose pools are gone. */
  readonly answered: number;
  /** With the store open; all registered; all listed; all connected; all called again; closed. */
  readonly footprints: Readonly<Record<Stage, Footprint>>;
  /** As the servers see them. */
  readonly connections: Readonly<Record<'connected' | 'called again' | 'closed', Connections>>;
}

export type Stage = 'open' | 'registered' | 'listed' | 'connected' | 'called again' | 'closed';

const fileOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Runs it once: the servers in one process, the gateway in another. */
export async function measureRegistry(
  place: GatewayOptions['place'],
  size: RegistrySize,
): Promise<RegistryFigures> {
  const [servers, gateway] = await Promise.all([
    startWorker(fileOf('servers.ts')),
    startWorker(fileOf('gateway.ts')),
  ]);
  try {
    const running = await servers.call<BenchServer[]>('start', size.connected);
    const { maxPools, cacheMax } = size;
    const keys = [{ id: 'k1', key: randomBytes(32).toString('base64url') }];
    await gateway.call('open', { place, keys, maxPools, cacheMax } satisfies GatewayOptions);
    const footprint = () => gateway.call<Footprint>('footprint');
    // What has been closed is told to the servers a moment later.
    const connections = async (atMost: number): Promise<Connections> => {
      let [now, peak] = [await servers.call<Connections>('connections'), 0];
      for (let tries = 0; now.open > atMost && tries < 100; tries++) {
        peak = Math.max(peak, now.peak);
        await new Promise((resolve) => setTimeout(resolve, 20));
        now = await servers.call<Connections>('connections');
      }
      return { open: now.open, peak: Math.max(peak, now.peak) };
    };

    const open = await footprint();
    const registerMs = await gateway.call<number>('register', size.registered, running);
    const registered = await footprint();
    const list = await gateway.call<RegistryFigures['list']>('list');
    const listed = await footprint();
    const firstCallMs = await gateway.call<number[]>('connectAll', size.connected);
    const whenConnected = await connections(maxPools * SOCKETS_A_POOL);
    const connected = await footprint();
    const answered = await gateway.call<number>('callAll');
    const whenCalled = await connections(maxPools * SOCKETS_A_POOL);
    const calledAgain = await footprint();
    await gateway.call('close');
    const whenClosed = await connections(0);
    const closed = await footprint();
    return {
      registerMs,
      list,
      firstCallMs,
      answered,
      footprints: { open, registered, listed, connected, 'called again': calledAgain, closed },
      connections: {
        connected: whenConnected,
        'called again': whenCalled,
        closed: whenClosed,
      },
    };
  } finally {
    await Promise.all([servers.kill(), gateway.kill()]);
  }
}
