import { fileURLToPath } from 'node:url';
import { startWorker, type Worker } from '../../store/workers/start-worker.js';
import type { WorkerPlace } from './gateway-worker.js';

const FILE = fileURLToPath(new URL('gateway-worker.ts', import.meta.url));

/** Starts a process with a store over `place`, and a registry. */
export async function startGatewayWorker(place: WorkerPlace): Promise<Worker> {
  const worker = await startWorker(FILE);
  await worker.call('open', place);
  return worker;
}
