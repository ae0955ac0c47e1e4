import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { DemoServers } from './demo-servers.js';
import { setUpStore } from './open-store.js';
import { makePeer, type Peer } from './peer.js';
import type { Settings } from './settings.js';

/** After so long, a worker that was asked to stop is ended. */
const STOP_MS = 5_000;

/** Starts the workers, passes on what they announce to each other, and starts those that died anew. */
export async function runPrimary(settings: Settings, withServers: boolean): Promise<void> {
  await setUpStore(settings);
  const demo = withServers ? await startDemo() : undefined;
  const peers = new Map<number, Peer>();
  let [stopping, address] = [false, ''];

  cluster.setupPrimary({ exec: fileURLToPath(new URL('worker.ts', import.meta.url)) });
  for (let i = 0; i < settings.workers; i++) fork();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void stop());

  function fork(): void {
    const worker = cluster.fork();
    let listening = false;
    const peer = makePeer(worker, {
      changed: (body) =>
        Promise.all(
          // One that ends meanwhile has nothing cached any more.
          [...peers]
            .filter(([id]) => id !== worker.id)
            .map(([, other]) => other.ask('changed', body).catch(() => {})),
        ).then(() => {}),
      demo: () => demo?.list ?? [],
      rotate: (body) => {
        const { name, sameKey } = body as { name: string; sameKey: boolean };
        return demo?.rotate(name, sameKey);
      },
    });
    worker.on('listening', ({ port }) => {
      listening = true;
      peers.set(worker.id, peer);
      announce(port);
    });
    worker.on('exit', (code, signal) => {
      peers.delete(worker.id);
      if (stopping) return;
      console.error(`worker ${worker.process.pid} ended (${signal ?? code})`);
      if (listening) fork();
      else void stop(1);
    });
  }

  function announce(port: number): void {
    if (address !== '' || peers.size < settings.workers) return;
    address = `http://127.0.0.1:${port}/`;
    const pids = Object.values(cluster.workers ?? {}).map((worker) => worker?.process.pid);
    console.log(`
Page      ${address}#token=${settings.adminToken}
API       ${address}api/    Authorization: Bearer ${settings.adminToken}
Store     ${settings.redisUrl === undefined ? settings.dataDir : 'Redis'}
Workers   ${pids.join(', ')}
`);
  }

  async function stop(exitCode = 0): Promise<void> {
    if (stopping) return;
    stopping = true;
    process.exitCode = exitCode;
    const running = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
    await Promise.all(
      running.map(async (worker) => {
        const ended = new Promise((resolve) => worker.once('exit', resolve));
        worker.kill('SIGTERM');
        const timer = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS);
        await ended;
        clearTimeout(timer);
      }),
    );
    await demo?.close();
  }
}

async function startDemo(): Promise<DemoServers> {
  const { startDemoServers } = await import('./demo-servers.js');
  console.log('Servers to try it on. Their operator would read you these fingerprints:');
  return startDemoServers((line) => console.log(line));
}
