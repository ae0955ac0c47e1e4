import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { type RedisServer, startRedis } from '../store/support/start-redis.js';
import type { Worker } from '../store/workers/start-worker.js';
import type { Outcome, Way, WorkerPlace } from './support/gateway-worker.js';
import { type HoldingServer, startHoldingServer } from './support/holding-server.js';
import { startGatewayWorker } from './support/start-gateway-worker.js';

/**
 * Four processes, fifty calls in flight, and the trust in their server changes. Held calls are really
 * in flight: the server answers them when the test says so, which is after the change.
 *
 * A process has acknowledged a change when its store has told of it (`onChange`); the one that made
 * it, at the latest when `renew`, `update` or `revoke` has resolved. From then on its requests carry
 * the token `after`, so that the server knows of each which trust it was made under.
 */

const WORKERS = 4;
const CALLS = 50;
/** Patience, and no assertion: several processes share two cores. */
const SOON = { timeout: 20_000 };
const WAYS: readonly Way[] = ['/mcp', '/json', '/sse'];

let redis: RedisServer;
let workers: Worker[];
let certificate: HeldCertificate;
let server: HoldingServer;
let id = '';

beforeAll(async () => {
  redis = await startRedis();
  certificate = await heldCertificate();
  const keys = [{ id: 'k1', key: randomBytes(32).toString('base64url') }];
  const place: WorkerPlace = { place: { redis: redis.url }, keys };
  workers = await Promise.all(Array.from({ length: WORKERS }, () => startGatewayWorker(place)));
  await changer().call('initialize');
}, 120_000);
afterAll(async () => {
  await Promise.all((workers ?? []).map((worker) => worker.kill()));
  await redis?.stop();
});

beforeEach(async ({ task }) => {
  id = task.name;
  server = await startHoldingServer(certificate);
});
afterEach(() => server.close());

const changer = (): Worker => workers[0] as Worker;
const tellAll = <T>(task: string, ...args: unknown[]): Promise<T[]> =>
  Promise.all(workers.map((worker) => worker.call<T>(task, ...args)));

async function register(pin: 'certificate' | 'key'): Promise<void> {
  const options = { expectFingerprint: certificate.fingerprint, pin };
  await changer().call('register', id, server.mcpUrl, options);
  await tellAll('notice', id);
  await tellAll('forgetNoticed');
  for (const way of WAYS) await tellAll('connect', id, way);
}

/** Fifty calls, over all processes and transports. */
async function begin(): Promise<void> {
  const begun = Array.from({ length: CALLS }, (_, i) =>
    workers[i % WORKERS]?.call('begin', id, WAYS[Math.floor(i / WORKERS) % WAYS.length]),
  );
  await Promise.all(begun);
}

/** Begins them and waits until the server has them all. */
async function beginHeld(): Promise<void> {
  await tellAll('forgetNoticed');
  await begin();
  await expect.poll(() => server.held, SOON).toBe(CALLS);
}

/** Changes the trust in one process, and waits until all have acknowledged. */
async function change(task: 'renew' | 'update' | 'revoke', ...args: unknown[]): Promise<unknown> {
  const result = await changer().call(task, id, ...args);
  await tellAll('notice', id);
  return result;
}

/** Over the older transport, a session is its stream: one that was closed needs another. */
async function reconnect(): Promise<void> {
  await tellAll('connect', id, '/sse');
}

/** How many calls came out how. */
async function tally(): Promise<Record<Outcome, number>> {
  const counts: Record<Outcome, number> = {};
  for (const outcome of (await tellAll<Outcome[]>('outcomes', id)).flat()) {
    counts[outcome] = (counts[outcome] ?? 0) + 1;
  }
  return counts;
}

/** Fifty more, all the way. */
async function callAnew(): Promise<Record<Outcome, number>> {
  await begin();
  await expect.poll(() => server.held, SOON).toBe(CALLS);
  server.release();
  return tally();
}

/** Requests that were made after the change, over connections that were made before it. */
function overTheOldTrust(old: HeldCertificate): number {
  return server.arrivals.filter(
    (one) => one.token === 'after' && one.certificate === old.fingerprint,
  ).length;
}

it('a renewal with the same key: none of the calls in flight is lost', async () => {
  await register('key');
  await beginHeld();
  const next = await heldCertificate({ renewFrom: certificate });
  server.tls.rotate(next);
  const renewal = await change('renew', {});
  expect(renewal).toMatchObject({ changed: true, server: { fingerprint: next.fingerprint } });
  server.release();
  expect(await tally()).toEqual({ ok: CALLS });
  expect(await callAnew()).toEqual({ ok: CALLS });
});

it('a new key that was approved: nothing goes over the old trust, and new calls succeed', async () => {
  await register('certificate');
  await beginHeld();
  const next = await heldCertificate();
  server.tls.rotate(next);
  await change('renew', { expectFingerprint: next.fingerprint });
  // Those in flight went over connections that are trusted no more: they end, and say why.
  expect(await tally()).toEqual({ MCP_TLS_CLOSED: CALLS });
  await expect.poll(() => server.openCertificates(), SOON).not.toContain(certificate.fingerprint);
  server.release();
  await reconnect();
  expect(await callAnew()).toEqual({ ok: CALLS });
  expect(overTheOldTrust(certificate)).toBe(0);
  expect(overTheOldTrust(next)).toBeGreaterThanOrEqual(CALLS);
});

it('a new key that was announced by a backup pin: none of the calls in flight is lost', async () => {
  await register('key');
  const next = await heldCertificate();

  await beginHeld();
  await change('update', { pins: [certificate.spkiPin, next.spkiPin] });
  server.release();
  expect(await tally(), 'announced').toEqual({ ok: CALLS });

  await beginHeld();
  server.tls.rotate(next);
  expect(await change('renew', {})).toMatchObject({ changed: true, sameKey: false });
  server.release();
  expect(await tally(), 'changed over').toEqual({ ok: CALLS });

  // Only now is the old key trusted no more, and nothing goes over it.
  await tellAll('forgetNoticed');
  await change('update', { pins: [next.spkiPin] });
  await expect.poll(() => server.openCertificates(), SOON).not.toContain(certificate.fingerprint);
  const before = server.arrivals.length;
  await reconnect();
  expect(await callAnew()).toEqual({ ok: CALLS });
  const since = new Set(server.arrivals.slice(before).map((one) => one.certificate));
  expect([...since]).toEqual([next.fingerprint]);
});

it('a revocation: every call ends with its code, and none reaches the server any more', async () => {
  await register('certificate');
  await beginHeld();
  expect(await change('revoke')).toBe(true);
  expect(await tally()).toEqual({ MCP_TLS_CLOSED: CALLS });
  await expect.poll(() => server.tls.openConnections, SOON).toBe(0);
  const { length } = server.arrivals;
  await begin();
  // Over SSE there is no session any more: such a call is not sent, and ends with what its stream ended with.
  const {
    MCP_TLS_NOT_REGISTERED: refused = 0,
    MCP_TLS_CLOSED: unsent = 0,
    ...others
  } = await tally();
  expect(others).toEqual({});
  expect(refused + unsent).toBe(CALLS);
  expect(refused).toBeGreaterThan(unsent);
  expect(server.arrivals.length).toBe(length);
  expect(server.arrivals.filter(({ token }) => token === 'after')).toEqual([]);
});
