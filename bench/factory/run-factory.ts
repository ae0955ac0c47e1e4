import type { ServerAddress, ServerCounts } from '../server/main.js';
import { interleave } from '../support/interleave.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses } from '../support/start-process.js';
import type { Maker } from './process.js';

/** Contenders by what their processes make. */
const MAKERS: ReadonlyMap<string, Maker> = new Map([
  ['mcp-tls', 'client'],
  ['mcp-tls-factory', 'factory and client'],
  ['undici-agent', 'undici Agent'],
]);
const CALLERS = new Map([
  ['mcp-tls', 'client'],
  ['new-client', 'undici Agent'],
]);

/** The time to make a client for a known server, and the connections that clients open. */
export async function runFactory(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const rounds = options.rounds ?? (quick ? 3 : 15);
  const count = quick ? 200 : 2_000;
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const address = await server.call<ServerAddress>('start');

  const batches = new Map<string, () => Promise<number>>();
  for (const [contender, what] of MAKERS) {
    const process = processes.start('factory', { binary });
    await process.call('open', address);
    await process.call('make', { what, count });
    batches.set(contender, () => process.call<number>('make', { what, count }));
  }
  const times = await interleave(batches, rounds);
  const { handshakes } = await server.call<ServerCounts>('takeCounts');

  const calls = quick ? 50 : 1_000;
  const shared = new Map<string, number[]>();
  for (const [contender, what] of CALLERS) {
    const process = processes.start('factory', { binary });
    await process.call('open', address);
    await process.call('callOverNewClients', { what, count: calls });
    const counts = await server.call<ServerCounts>('takeCounts');
    if (counts.requests !== calls) throw new Error(`${counts.requests} of ${calls} calls arrived`);
    shared.set(contender, [counts.handshakes]);
  }
  return [
    makeSeries(
      { id: 'factory.time', title: 'making a client', unit: 'µs', bases: ['undici-agent'] },
      times,
    ),
    makeSeries(
      {
        id: 'factory.connections',
        title: 'connections opened by making all of them',
        unit: '',
        bases: [],
      },
      new Map([['mcp-tls', [handshakes]]]),
    ),
    makeSeries(
      {
        id: 'factory.handshakes',
        title: `handshakes for ${calls} calls over ${calls} clients`,
        unit: '',
        bases: [],
      },
      shared,
    ),
  ];
}
