/**
 * HTTP/2, as it would be over this library's connections and undici 8, beside HTTP/1.1: CPU time of calls, what
 * standing streams hold, and whether answers that nobody reads disturb others. See docs/performance.md.
 *
 *   npm run bench:http2 [-- --node 24] [--rounds 9]
 *
 * The server is node:http2, which speaks both. Client and server are processes of their own.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { nodeLines } from '../../scripts/node-lines.js';
import { printTable } from '../../scripts/table.js';
import { heldCertificate } from '../../src/testing/index.js';
import { compiledProgram, compilePrograms } from '../../test/support/compile-programs.js';
import { interleave } from '../support/interleave.js';
import type { CallCost } from '../support/measure-calls.js';
import type { TaskAnswer } from '../support/serve-tasks.js';
import { median } from '../support/statistics.js';
import type { Batch } from './process.js';

const FOLDER = 'bench/http2';
const CALLS = 200;
const STREAMS = 100;
const UNREAD = 4;
const MESSAGE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  result: { content: [{ type: 'text', text: 'hello' }] },
});

let sockets = 0;

async function answer(request: Http2ServerRequest, response: Http2ServerResponse): Promise<void> {
  await text(request);
  const { url } = request;
  if (url === '/large') {
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    response.end(Buffer.alloc(4_000_000));
  } else if (url === '/json') {
    const length = String(Buffer.byteLength(MESSAGE));
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': length });
    response.end(MESSAGE);
  } else {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': open\n\n');
    if (url === '/sse') {
      setImmediate(() => response.end(`event: message\ndata: ${MESSAGE}\n\n`));
    }
  }
}

async function startServer() {
  const { pem: ca, chainPem: cert, keyPem: key } = await heldCertificate();
  const server = createSecureServer({ cert, key, allowHTTP1: true }, (request, response) => {
    answer(request, response).catch(() => response.stream?.destroy());
  });
  server.on('secureConnection', () => sockets++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { server, ca, url: `https://127.0.0.1:${port}` };
}

function startClient(binary: string) {
  const child = fork(compiledProgram(FOLDER, 'process'), {
    execPath: binary,
    execArgv: ['--no-warnings'],
  });
  const call = async <T>(task: string, input: unknown = null): Promise<T> => {
    child.send({ task, input });
    const [answer] = (await once(child, 'message')) as [TaskAnswer];
    if ('error' in answer) throw new Error(`${task}: ${answer.error}`);
    return answer.result as T;
  };
  return { child, call };
}

const { values } = parseArgs({
  options: {
    node: { type: 'string', default: '24' },
    rounds: { type: 'string', default: '9' },
  },
});
const [line] = await nodeLines([Number(values.node)]);
if (line === undefined) throw new Error('no such line');
await compilePrograms(FOLDER, ['process']);
const { server, ca, url } = await startServer();
const { child, call } = startClient(line.binary);
await call('open', { url, ca });
const names = await call<readonly string[]>('names');

console.log(`Node.js ${line.version}: client CPU of a POST, µs (of that of mcp-tls)`);
const rows = new Map(names.map((name) => [name, [name]]));
for (const path of ['/json', '/sse']) {
  for (const atOnce of [1, 16]) {
    const run = (name: string, calls: number) =>
      call<CallCost>('batch', { name, path, calls, atOnce } satisfies Batch);
    for (const name of names) await run(name, 2 * CALLS);
    const costs = await interleave(
      new Map(names.map((name) => [name, () => run(name, CALLS)])),
      Number(values.rounds),
    );
    const ours = (costs.get(names[0] ?? '') ?? []).map(({ cpuUs }) => cpuUs);
    for (const [name, rounds] of costs) {
      const cpu = rounds.map(({ cpuUs }) => cpuUs);
      const ratio = median(cpu.map((one, round) => one / (ours[round] ?? Number.NaN)));
      rows.get(name)?.push(`${median(cpu).toFixed(0)} (${ratio.toFixed(2)})`);
    }
  }
}
printTable(['', 'JSON', 'JSON, 16 at once', 'events', 'events, 16 at once'], [...rows.values()]);

for (const name of [names[0], names.at(-1)]) {
  sockets = 0;
  const ms = await call<number>('holdStreams', { name, streams: STREAMS });
  console.log(
    `${name}: ${STREAMS} standing streams, ${sockets} new sockets, a call ${ms.toFixed(0)} ms`,
  );
  await call('releaseStreams');
  const outcome = await call<string>('unread', { name, answers: UNREAD });
  console.log(`${name}: beside ${UNREAD} unread answers of 4 MB a call ${outcome}`);
}
child.disconnect();
server.close();
process.exit(0);
