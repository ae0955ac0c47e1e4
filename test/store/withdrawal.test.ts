import { randomBytes } from 'node:crypto';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import type { WorkerPlace } from '../gateway/support/gateway-worker.js';
import { startGatewayWorker } from '../gateway/support/start-gateway-worker.js';
import { type RedisServer, startRedis } from './support/start-redis.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';
import type { Worker } from './workers/start-worker.js';

/**
 * How long a withdrawal takes in another process, by set-up: what SECURITY.md says. One process has a
 * stream open, and nothing else to do; another revokes the server.
 */

interface StreamEnd {
  readonly at: number;
  readonly code: string;
}

/** Several processes on few processors. */
const MARGIN_MS = 1_000;
const keys = [{ id: 'k1', key: randomBytes(32).toString('base64url') }];
let certificate: HeldCertificate;
let redis: RedisServer;
let proxy: TcpProxy;
let server: TlsServer;
let folder = '';
let workers: readonly [Worker, Worker];

beforeAll(async () => {
  certificate = await heldCertificate();
  redis = await startRedis();
}, 120_000);
afterAll(() => redis?.stop());

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-withdrawal-'));
  proxy = await startTcpProxy(redis.url);
  server = await startTlsServer({
    certificate,
    onRequest(request, response) {
      if (request.url !== '/stream') {
        response.end('ok');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const timer = setInterval(() => response.write('data: x\n\n'), 20);
      response.once('close', () => clearInterval(timer));
    },
  });
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await server.close();
  await proxy.close();
  await redis.command('FLUSHALL');
  await rm(folder, { recursive: true, force: true });
});

const now = (): number => Number(process.hrtime.bigint()) / 1e6;
const streamUrl = (): string => `${server.url}/stream`;

/** The second of two processes has a stream open. */
async function open(place: WorkerPlace['place'], ttlMs?: number): Promise<void> {
  const options = { place, keys, ...(ttlMs !== undefined && { ttlMs }) };
  const [first, second] = await Promise.all([
    startGatewayWorker(options),
    startGatewayWorker(options),
  ]);
  workers = [first, second];
  await first.call('initialize');
  await first.call('register', 'a', server.url, {
    expectFingerprint: certificate.fingerprint,
  });
  await second.call('openStream', 'a', streamUrl());
}

/** @returns how long after its acknowledgement the stream ended, in ms */
async function revoke(): Promise<number> {
  await workers[0].call('revoke', 'a');
  const acknowledgedAt = now();
  const { at, code } = await workers[1].call<StreamEnd>('streamEnd', 'a');
  expect(code).toBe('MCP_TLS_CLOSED');
  expect(await workers[1].call('request', 'a', server.url)).toBe('MCP_TLS_NOT_REGISTERED');
  return at - acknowledgedAt;
}

it('with a channel, an open stream ends at the message', async () => {
  await open({ redis: proxy.url });
  expect(await revoke()).toBeLessThan(MARGIN_MS);
});

it('without a channel, an open stream ends within ttlMs and half a second', async () => {
  await open({ directory: folder }, 1_500);
  expect(await revoke()).toBeLessThan(1_500 + 500 + MARGIN_MS);
});

it('while the path of the channel is dead, an open stream ends within 5 seconds', async () => {
  await open({ redis: proxy.url });
  proxy.freezeSubscriptions(true);
  expect(await revoke()).toBeLessThan(5_000 + MARGIN_MS);
});

it('while the store cannot be reached, an open stream ends within ttlMs and half a second', async () => {
  await open({ directory: folder }, 1_500);
  await rename(folder, `${folder}-away`);
  const awayAt = now();
  const { at, code } = await workers[1].call<StreamEnd>('streamEnd', 'a');
  expect(code).toBe('MCP_TLS_CLOSED');
  expect(at - awayAt).toBeLessThan(1_500 + 500 + MARGIN_MS);
  expect(await workers[1].call('request', 'a', server.url)).toBe('MCP_TLS_STORE_UNAVAILABLE');
  await rename(`${folder}-away`, folder);
  expect(await workers[1].call('request', 'a', server.url)).toBe('200');
});

it('a process that was stopped ends its streams when it goes on, and makes no request before', async () => {
  for (const place of [{ redis: proxy.url }, { directory: folder }]) {
    await open(place, 1_500);
    workers[1].signal('SIGSTOP');
    await workers[0].call('revoke', 'a');
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    const outcome = workers[1].call('request', 'a', server.url);
    workers[1].signal('SIGCONT');
    const wokenAt = now();
    expect(await outcome).toBe('MCP_TLS_NOT_REGISTERED');
    const { at, code } = await workers[1].call<StreamEnd>('streamEnd', 'a');
    expect(code).toBe('MCP_TLS_CLOSED');
    expect(at - wokenAt).toBeLessThan(500 + MARGIN_MS);
    await Promise.all(workers.map((worker) => worker.kill()));
  }
});
