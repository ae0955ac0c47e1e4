import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { heldCertificate, startMcpServer } from '../../src/testing/index.js';
import { type RedisServer, startRedis } from '../store/support/start-redis.js';
import type { Worker } from '../store/workers/start-worker.js';
import type { Way, WorkerPlace } from './support/gateway-worker.js';
import { startGatewayWorker } from './support/start-gateway-worker.js';

/**
 * What was asked for, from end to end over real parts: a self-signed server is registered, its
 * certificate is stored encrypted, another process calls its tools, everything is started anew.
 */

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Backend {
  readonly place: WorkerPlace['place'];
  /** Everything that lies in it, names included. */
  raw(): Promise<string>;
  restart(): Promise<void>;
}

async function directory(): Promise<Backend> {
  const path = await mkdtemp(join(tmpdir(), 'mcp-tls-gateway-'));
  cleanups.push(() => rm(path, { recursive: true }));
  return {
    place: { directory: path },
    async raw() {
      const entries = await readdir(path, { recursive: true, withFileTypes: true });
      const files = entries.filter((entry) => entry.isFile());
      const contents = files.map(({ parentPath, name }) =>
        readFile(join(parentPath, name), 'latin1'),
      );
      return [...entries.map(({ name }) => name), ...(await Promise.all(contents))].join('\n');
    },
    async restart() {},
  };
}

async function redis(): Promise<Backend> {
  const server: RedisServer = await startRedis(['--appendonly', 'yes']);
  cleanups.push(() => server.stop());
  return {
    place: { redis: server.url },
    async raw() {
      const keys = (await server.command('KEYS', '*')) as string[];
      const values = keys.map(async (key) =>
        (await server.command('TYPE', key)) === 'zset'
          ? server.command('ZRANGE', key, '0', '-1')
          : server.command('HGETALL', key),
      );
      return [...keys, ...(await Promise.all(values)).flat(9)].join('\n');
    },
    async restart() {
      await server.kill();
      await server.start();
    },
  };
}

/** The text as it is, and all that it holds as base64. */
function withDecoded(raw: string): string {
  const parts = raw.match(/[\w+/-]{16,}/g) ?? [];
  return [raw, ...parts.map((part) => Buffer.from(part, 'base64url').toString('latin1'))].join(
    '\n',
  );
}

async function start(place: WorkerPlace): Promise<Worker> {
  const worker = await startGatewayWorker(place);
  cleanups.push(() => worker.kill());
  return worker;
}

it.each([
  ['a directory', directory],
  ['Redis', redis],
])(
  'a self-signed server is registered, kept in %s, called by another process, and again after a restart',
  async (_name, make) => {
    const backend = await make();
    const certificate = await heldCertificate({ subject: { CN: 'weather.internal' } });
    const server = await startMcpServer({ certificate, transport: 'both' });
    cleanups.push(() => server.close());
    const place: WorkerPlace = {
      place: backend.place,
      keys: [{ id: 'k1', key: randomBytes(32).toString('base64url') }],
      // Longer than a slow machine takes: once is to mean once.
      ttlMs: 600_000,
    };

    // Registered: approved by its fingerprint, known to be self-signed.
    const first = await start(place);
    await first.call('initialize');
    const options = {
      expectFingerprint: certificate.fingerprint,
      approvedBy: 'ops@example.com',
    };
    expect(await first.call('register', 'weather', server.mcpUrl, options)).toMatchObject({
      isSelfSigned: true,
      fingerprint: certificate.fingerprint,
    });
    expect(await first.call('record', 'weather')).toMatchObject({
      certificate: { isSelfSigned: true, pem: certificate.pem },
    });

    // Encrypted: nothing of the certificate, its server or its approval can be read where it lies.
    const raw = withDecoded(await backend.raw());
    expect(raw).toContain('A256GCM');
    const der = Buffer.from(certificate.pem.replace(/-----.*-----|\s/g, ''), 'base64');
    const middle = der.subarray(100, 148);
    for (const secret of [
      'BEGIN CERTIFICATE',
      'weather.internal',
      'ops@example.com',
      '127.0.0.1',
      certificate.fingerprint,
      middle.toString('latin1'),
      middle.toString('base64'),
      middle.toString('hex'),
    ]) {
      expect(raw.includes(secret), secret).toBe(false);
    }

    // Called, by processes that have nothing but the store; twice over, everything being new.
    for (const round of ['before', 'after a restart']) {
      const other = await start(place);
      expect(await other.call('plainFetch', server.mcpUrl), round).toBe(
        'DEPTH_ZERO_SELF_SIGNED_CERT',
      );
      for (const way of ['/mcp', '/sse'] satisfies Way[]) {
        await other.call('connect', 'weather', way);
        for (const text of ['one', 'two', 'three']) {
          const answer = await other.call('callTool', 'weather', way, 'echo', { text });
          expect(answer, `${way} ${round}`).toEqual([{ type: 'text', text }]);
        }
      }
      // The proof that the store is there, and the record: once each, however many requests.
      expect(await other.call('loads'), round).toBe(1);
      expect((await other.call<string[]>('decryptions')).sort(), round).toEqual([
        'AES-GCM marker marker',
        'AES-GCM record weather',
      ]);
      // What the registering process has written counts in each: it need not, and cannot, do it again.
      expect(await other.call('list'), round).toMatchObject([
        { id: 'weather', isSelfSigned: true },
      ]);
      await expect(other.call('register', 'weather', server.mcpUrl, options)).rejects.toThrow(
        'is registered already',
      );
      if (round === 'before') {
        await Promise.all([first.kill(), other.kill()]);
        await backend.restart();
      }
    }
  },
);
