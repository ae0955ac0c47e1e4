import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { heldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';
import type { Worker } from '../store/workers/start-worker.js';
import { startGatewayWorker } from './support/start-gateway-worker.js';

/** The certificate of a server in a file, which a process leaves behind when it ends or loses its server. */

const SOON = { timeout: 20_000 };
let [folder, path] = ['', ''];
let server: TlsServer;
let workers: Worker[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-file-'));
  const certificate = await heldCertificate();
  server = await startTlsServer({ certificate });
  const keys = [{ id: 'k1', key: randomBytes(32).toString('base64url') }];
  const place = { place: { directory: folder }, keys, ttlMs: 300 };
  workers = await Promise.all([startGatewayWorker(place), startGatewayWorker(place)]);
  await workers[0]?.call('initialize');
  const approval = { expectFingerprint: certificate.fingerprint };
  await workers[0]?.call('register', 'a', server.url, approval);
  path = (await workers[0]?.call<string>('certificateFile', 'a')) ?? '';
  expect(existsSync(path)).toBe(true);
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.kill()));
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

describe('the certificate file of a process', () => {
  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'is removed at %s, which ends the process all the same',
    async (signal) => {
      workers[0]?.signal(signal);
      await expect.poll(() => existsSync(path), SOON).toBe(false);
      await expect.poll(() => isRunning(workers[0]?.pid), SOON).toBe(false);
    },
  );

  it('is removed when another process revokes the server, without an announcement', async () => {
    expect(await workers[1]?.call('revoke', 'a')).toBe(true);
    await expect.poll(() => existsSync(path), SOON).toBe(false);
  });
});

function isRunning(pid: number | undefined): boolean {
  try {
    process.kill(pid ?? 0, 0);
    return true;
  } catch {
    return false;
  }
}
