import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { explainTlsError, fetchPeerCertificate, makeCustomClientFactory } from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';

/** Hosts with several addresses, of which some are slow and some lead nowhere. */

const cleanups: (() => unknown)[] = [];
let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Accepts nothing for two seconds, so that what is not in its queue by then has to ask again. */
const SLOW = `
  const server = require('node:https').createServer(JSON.parse(process.env.PAIR), (_, answer) => answer.end('ok'));
  server.listen({ host: '127.0.0.1', port: 0, backlog: 1 }, () => {
    process.stdout.write(server.address().port + '\\n', () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
    });
  });`;

async function slowServer(): Promise<number> {
  const pair = JSON.stringify({ cert: certificate.pem, key: certificate.keyPem });
  const child: ChildProcess = spawn(process.execPath, ['-e', SLOW], {
    env: { ...process.env, PAIR: pair },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanups.push(() => child.kill());
  const [chunk] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  const port = Number(chunk.toString());
  // Its queue is full then.
  const sockets: Socket[] = [];
  for (let i = 0; i < 4; i++) sockets.push(connect(port, '127.0.0.1').on('error', () => {}));
  await new Promise((resolve) => setTimeout(resolve, 200));
  cleanups.push(() => {
    for (const socket of sockets) socket.destroy();
  });
  return port;
}

const lookupOf =
  (...addresses: string[]) =>
  (_host: string, _options: unknown, callback: (...args: never[]) => void) =>
    (callback as (error: null, found: unknown) => void)(
      null,
      addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    );

describe('a host with several addresses', () => {
  it('is reached at one that takes longer than 250 ms, where the other leads nowhere', async () => {
    const port = await slowServer();
    const lookup = lookupOf('127.0.0.1', '::1');
    await using factory = makeCustomClientFactory(
      { ca: certificate.pem },
      { lookup, timeout: { connectMs: 30_000 } },
    );
    const answer = await factory()(`https://localhost:${port}/`).catch(explainTlsError);
    expect(answer).toMatchObject({ status: 200 });
  });

  it('is looked at in the same way', async () => {
    const port = await slowServer();
    const lookup = lookupOf('127.0.0.1', '::1');
    const options = { lookup, timeoutMs: 30_000 };
    const peer = await fetchPeerCertificate(`https://localhost:${port}/`, options);
    expect(peer.description.fingerprint).toBe(certificate.fingerprint);
  });

  it('is reached past one that takes connections in and never answers to them', async () => {
    await using server = await startTlsServer({ certificate });
    // An address of the documentation ranges: nobody is there.
    const lookup = lookupOf('192.0.2.1', '::1', '127.0.0.1');
    await using factory = makeCustomClientFactory(
      { ca: certificate.pem },
      { lookup, timeout: { connectMs: 20_000 } },
    );
    expect((await factory()(server.urlFor('localhost'))).status).toBe(200);
  });

  it('of which none can be reached is reported as one failure, and leaves no socket', async () => {
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as { port: number };
    await new Promise((resolve) => closed.close(resolve));
    const url = `https://localhost:${port}/`;
    const lookup = lookupOf('127.0.0.1', '127.0.0.2', '::1');
    await using factory = makeCustomClientFactory(null, { lookup });
    const expected = { code: 'MCP_TLS_UNREACHABLE', detail: 'ECONNREFUSED' };
    expect(await factory()(url).catch(explainTlsError)).toMatchObject(expected);
    await expect(fetchPeerCertificate(url, { lookup })).rejects.toMatchObject(expected);
  });
});
