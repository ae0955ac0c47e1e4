import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSettings } from '../../examples/gateway/settings.js';
import { heldCertificate, startMcpServer } from '../../src/testing/index.js';
import { startRedis } from '../store/support/start-redis.js';
import { eventually } from '../support/waiting.js';
import { freshDataDir, startGateway } from './support/start-gateway.js';

/** The settings of examples/gateway: another store, and what it does not start with. */

const add = { arguments: { a: 2, b: 3 } };

describe('with REDIS_URL', () => {
  it('keeps servers in Redis, for every worker', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const redis = await startRedis();
    const own = await startGateway({ env: { REDIS_URL: redis.url } });
    try {
      expect((await own.ask('status')).body).toMatchObject({ store: 'redis' });
      const fingerprint = certificate.fingerprint;
      const body = { id: 'weather', url: server.mcpUrl, fingerprint };
      expect(await own.ask('servers', { body })).toMatchObject({ status: 201 });
      for (const answer of await own.askAll('servers/weather/tools/add', { body: add })) {
        expect(answer).toMatchObject({
          status: 200,
          body: { content: [{ type: 'text', text: '5' }] },
        });
      }
      await own.ask('servers/weather', { method: 'DELETE' });
      // Pub/sub does not wait for those who listen.
      await eventually(async () => {
        for (const answer of await own.askAll('servers/weather/tools/add', { body: add })) {
          expect(answer).toMatchObject({ status: 404 });
        }
      });
      expect(readdirSync(own.dataDir)).not.toContain('store');
      expect(own.output()).not.toContain(redis.url);
    } finally {
      await own.stop();
      await redis.stop();
    }
  });
});

describe('what it does not start with', () => {
  it.each([
    ['a port that is not one', { PORT: 'x' }, 'PORT:'],
    ['no workers', { WORKERS: '-1' }, 'WORKERS:'],
    ['a secret that others can read', {}, 'chmod 600'],
  ])('%s', (_name, env, message) => {
    const folder = freshDataDir();
    writeFileSync(join(folder, 'store-key'), 'x', { mode: 0o644 });
    expect(() => readSettings({ DATA_DIR: folder, ...env })).toThrow(message);
    rmSync(folder, { recursive: true });
  });

  it('a token that can be guessed; it says so in one line', async () => {
    const started = startGateway({ env: { ADMIN_TOKEN: 'admin' } });
    await expect(started).rejects.toThrow(/^it ended with 1: ADMIN_TOKEN: .*\n$/);
  });
});
