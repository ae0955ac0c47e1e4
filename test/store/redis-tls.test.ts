import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createCertificateStore, type EncryptedCertificateStore } from '../../src/index.js';
import { type RedisStorageOptions, redisStorage } from '../../src/redis/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { eventually, freePort } from '../support/waiting.js';
import { aKey, aRecord, codeOf } from '../unit/store/support.js';
import { type RedisServer, startRedis } from './support/start-redis.js';

/** A real Redis behind a private CA that asks for client certificates, and a user who may do little. */

/** As docs/store.md has it. */
const ACL =
  '~mcp-tls:* &mcp-tls:* +hmget +hkeys +hset +hget +hlen +zadd +zcard +zscore +zrangebylex +zlexcount +zremrangebylex +eval +publish +subscribe'.split(
    ' ',
  );
const keys = [aKey()];
let folder: string;
let redis: RedisServer;
let port: number;
let ca: HeldCertificate;
let server: HeldCertificate;
let client: { cert: string; key: string };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-tls-redis-tls-'));
  ca = await heldCertificate({ isCa: true, san: 'none' });
  server = await heldCertificate({ dns: ['localhost'], signedBy: ca });
  const shown = await heldCertificate({ san: 'none', signedBy: ca });
  client = { cert: shown.pem, key: shown.keyPem };
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  port = await freePort();
  redis = await startRedis([
    ...['--tls-port', `${port}`, '--tls-auth-clients', 'yes'],
    ...['--tls-ca-cert-file', put('ca.pem', ca.pem)],
    ...['--tls-cert-file', put('server.pem', server.pem)],
    ...['--tls-key-file', put('server.key', server.keyPem)],
  ]);
  await redis.command('ACL', 'SETUSER', 'gateway', 'on', '>open-sesame', ...ACL);
}, 60_000);
afterAll(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const url = (host = 'localhost') => `rediss://gateway:open-sesame@${host}:${port}`;

function open(options: RedisStorageOptions, at = url()): EncryptedCertificateStore {
  const store = createCertificateStore({ keys, storage: redisStorage(at, options) });
  onTestFinished(() => store.close());
  return store;
}

/** How the first call ends. */
const outcome = (options: RedisStorageOptions, at?: string) =>
  open(options, at)
    .list()
    .then(
      () => 'connected',
      (error: unknown) => error as Error & { code: string },
    );

/** How often somebody has sent a name and password. */
async function logins(): Promise<number> {
  const stats = `${await redis.command('INFO', 'commandstats')}`;
  const counts = stats.matchAll(/cmdstat_(?:auth|hello):calls=(\d+)/g);
  return [...counts].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

it('a store works with a private CA, a client certificate and the documented permissions', async () => {
  const tls = { ca: ca.pem, clientCertificate: client };
  const [a, b] = [open({ tls }), open({ tls })];
  expect(await a.initialize()).toBe(true);
  await a.set('x', aRecord());
  await eventually(() => expect(b.stats().listening).toBe(true));
  expect(await b.get('x')).toBeDefined();
  expect((await b.list()).map(({ id }) => id)).toEqual(['x']);
  await a.delete('x');
  await eventually(async () => expect(await b.get('x')).toBeUndefined());
  expect((await a.rewrap()).failed).toEqual([]);
  expect(a.stats().invalidationFailures).toBe(0);
  expect(await logins()).toBeGreaterThan(0);
});

it('a server of another CA, another name or another key is refused before the password is sent', async () => {
  const stranger = await heldCertificate({ isCa: true, san: 'none' });
  const other = `sha256/${Buffer.alloc(32).toString('base64')}`;
  const before = await logins();
  const refused: [RedisStorageOptions, RegExp, string?][] = [
    [{ tls: { ca: stranger.pem, clientCertificate: client } }, /certificate/],
    [{ tls: null }, /certificate/],
    [{}, /certificate/],
    [{ tls: { ca: ca.pem, clientCertificate: client } }, /does not name 127\.0\.0\.1/, '127.0.0.1'],
    [
      { tls: { ca: ca.pem, clientCertificate: client, serverName: 'elsewhere.test' } },
      /does not name elsewhere\.test/,
    ],
    [{ tls: { ca: ca.pem, clientCertificate: client, pins: other } }, /meets none of the pins/],
  ];
  for (const [options, message, host] of refused) {
    const error = await outcome(options, host && url(host));
    expect(error).toMatchObject({ code: 'MCP_TLS_STORE_UNAVAILABLE' });
    expect((error as Error).message).toMatch(message);
    const shown = inspect(error, { depth: 9, showHidden: true });
    expect(shown).not.toContain('open-sesame');
    expect(shown).not.toContain('PRIVATE KEY');
  }
  expect(await logins()).toBe(before);
});

it('a pin that is met and a name of its own are taken', async () => {
  const tls = { ca: ca.pem, clientCertificate: client, serverName: 'localhost' };
  const store = open({ tls: { ...tls, pins: server.spkiPin } }, url('127.0.0.1'));
  await store.initialize();
  await store.list();
});

it('without the client certificate that Redis asks for there is no connection', async () => {
  expect(await outcome({ tls: { ca: ca.pem } })).toMatchObject({
    code: 'MCP_TLS_STORE_UNAVAILABLE',
  });
});

it('what node-redis cannot check is refused, and never taken for less', async () => {
  const bad: [string, RedisStorageOptions][] = [
    [url(), { tls: { ca: server.pem } }],
    [url(), { tls: { identity: 'pin', pins: server.spkiPin } }],
    [url(), { tls: { ca: ca.pem, allowExpired: true, pins: server.spkiPin } }],
    [url(), { tls: {} as never }],
    [url(), { tls: undefined as never }],
    [url(), { tls: { rejectUnauthorized: false } as never }],
    ['redis://localhost', { tls: { ca: ca.pem } }],
  ];
  for (const [at, options] of bad) {
    expect(await codeOf(() => redisStorage(at, options))).toBe('MCP_TLS_INVALID_ARGUMENT');
  }
});
