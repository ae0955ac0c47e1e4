import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCertificateStore, directoryStorage, readTrustFile } from '../../src/core.js';
import { redisStorage } from '../../src/redis/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { sharedRedis } from '../store/support/start-redis.js';
import { runCli, temporaryFolder } from './support/run-cli.js';

let home: Awaited<ReturnType<typeof temporaryFolder>>;
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { folder: home.path, env });

beforeEach(async () => {
  home = await temporaryFolder();
});
afterEach(() => home[Symbol.asyncDispose]());

describe('mcp-tls known', () => {
  it('lists what was trusted, shows what changed, and removes', async () => {
    const [first, second] = [await heldCertificate(), await heldCertificate()];
    await using server = await startTlsServer({ certificate: first });
    // In the home directory, where nothing else is said.
    const none = await run(['known']);
    expect(none).toMatchObject({ code: 0, stdout: expect.stringContaining('no server') });
    const args = ['--fingerprint', first.fingerprint, '--name', 'weather'];
    expect((await run(['trust', server.url, ...args])).code).toBe(0);
    const file = join(home.path, '.config/mcp-tls/trust.json');
    expect(readTrustFile(file).servers).toHaveLength(1);
    const listed = await run(['known'], { MCP_TLS_TRUST_FILE: file });
    expect(listed.stdout).toContain('weather');
    expect(listed.stdout).toContain(first.fingerprint);
    expect((await run(['known', 'changes'])).code).toBe(0);
    await server.rotate(second);
    const changed = await run(['known', 'changes', 'weather']);
    expect(changed.code).toBe(2);
    expect(changed.stdout).toContain(`- ${first.fingerprint}`);
    expect(changed.stdout).toContain(`+ ${second.fingerprint}`);
    const json = JSON.parse((await run(['known', 'changes', '--json'])).stdout);
    expect(json.servers[0]).toMatchObject({ name: 'weather', status: 'refused' });
    expect(json.servers[0].changes[0]).toEqual({
      fact: 'certificate',
      before: first.fingerprint,
      now: second.fingerprint,
    });
    await server.close();
    expect((await run(['known', 'changes'])).code).toBe(4);
    expect((await run(['known', 'remove', 'nobody'])).code).toBe(64);
    expect((await run(['known', 'remove', 'weather'])).code).toBe(0);
    expect(readTrustFile(file).servers).toEqual([]);
    expect(JSON.parse((await run(['known', 'list', '--json'])).stdout).servers).toEqual([]);
    for (const wrong of [
      ['known', 'what'],
      ['known', 'remove'],
      ['known', '--trust-file', 'no.json'],
    ]) {
      expect((await run(wrong)).code).toBe(64);
    }
  });

  it('shows no key that stands in a trust file', async () => {
    const client = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const tls = { roots: 'default', clientCertificate: { cert: client.pem, key: client.keyPem } };
    const servers = { a: { url: 'https://127.0.0.1:1/', tls } };
    await writeFile(join(home.path, 'trust.json'), JSON.stringify({ version: 1, servers }));
    for (const args of [[], ['--json']]) {
      const { code, stdout } = await run(['known', '--trust-file', 'trust.json', ...args]);
      expect(code).toBe(0);
      expect(stdout).not.toContain('PRIVATE KEY');
    }
  });
});

describe('mcp-tls store', () => {
  const [old, next] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];
  const env = { OLD: old, NEXT: next };
  const store = (...args: string[]) =>
    run(['store', ...args, '--directory', 'records', '--key-env', 'old=OLD'], env);

  beforeEach(async () => {
    const certificate = await heldCertificate();
    const client = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    await using opened = createCertificateStore({
      keys: { id: 'old', key: old },
      storage: directoryStorage(join(home.path, 'records'), { watch: false }),
    });
    await opened.initialize();
    const clientCertificate = { cert: client.pem, key: client.keyPem };
    await opened.set('weather', {
      url: 'https://10.0.0.5:8443/mcp',
      trust: { ca: certificate.pem, clientCertificate },
      approvedBy: 'ops',
    });
    await opened.set('public', { url: 'https://mcp.example/mcp', trust: null });
    const expiresAt = new Date(Date.now() - 1000);
    await opened.set('over', { url: 'https://over.example/', trust: null, expiresAt });
  });

  it('lists, shows and exports records, and never a key', async () => {
    const all = [
      await store('list'),
      await store('list', '--json'),
      await store('show', 'weather'),
      await store('show', 'weather', '--json'),
      await store('export'),
    ];
    expect(all.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0]);
    expect(JSON.parse(all[1]?.stdout ?? '').records.map((one: { id: string }) => one.id)).toEqual([
      'over',
      'public',
      'weather',
    ]);
    expect(all[2]?.stdout).toContain('its own certificate');
    expect(JSON.parse(all[3]?.stdout ?? '')).toMatchObject({ id: 'weather', approvedBy: 'ops' });
    await writeFile(join(home.path, 'exported.json'), all[4]?.stdout ?? '');
    const { servers } = readTrustFile(join(home.path, 'exported.json'));
    expect(servers.map(({ name }) => name).sort()).toEqual(['public', 'weather']);
    expect(all[4]?.stderr).toMatch(/over: left out/);
    for (const { stdout, stderr } of all) {
      expect(stdout + stderr).not.toMatch(/PRIVATE KEY|hunter/);
      expect(stdout + stderr).not.toContain(old);
    }
    expect((await store('show', 'nobody')).code).toBe(2);
  });

  it('seals records anew with the first key, and withdraws one', async () => {
    const both = ['--directory', 'records', '--key-env', 'next=NEXT', '--key-env', 'old=OLD'];
    const rewrapped = await run(['store', 'rewrap', '--json', ...both], env);
    expect(rewrapped.code).toBe(0);
    expect(JSON.parse(rewrapped.stdout)).toMatchObject({ rewrapped: 4, failed: [] });
    await writeFile(join(home.path, 'key'), `${next}\n`);
    const byFile = ['--directory', 'records', '--key-file', 'next=key'];
    expect((await run(['store', 'show', 'public', ...byFile])).code).toBe(0);
    expect((await store('show', 'public')).code).toBe(2);
    expect((await run(['store', 'revoke', 'public', ...byFile])).code).toBe(0);
    expect((await run(['store', 'show', 'public', ...byFile])).code).toBe(2);
  });

  it('does the same over a real Redis, whose URL is in the environment', async () => {
    const { url, stop } = await sharedRedis();
    try {
      const namespace = `cli-${randomBytes(6).toString('hex')}`;
      await using opened = createCertificateStore({
        keys: { id: 'old', key: old },
        storage: redisStorage(url, { watch: false }),
        namespace,
      });
      await opened.initialize();
      await opened.set('public', { url: 'https://mcp.example/mcp', trust: null });
      const over = ['--redis-url-env', 'URL', '--key-env', 'old=OLD', '--namespace', namespace];
      const call = (...args: string[]) => run(['store', ...args, ...over], { ...env, URL: url });
      expect((await call('list')).stdout).toMatch(/^public {2}revision \d+\n$/);
      expect((await call('revoke', 'public')).code).toBe(0);
      expect((await opened.read('public')).record).toBeUndefined();
      expect(await call('list')).toMatchObject({ code: 0, stdout: 'there are no records\n' });
    } finally {
      await stop();
    }
  });

  it('takes no key as an argument, and says which store and which key it needs', async () => {
    const cases = [
      ['list', '--directory', 'records'],
      ['list', '--key-env', 'old=OLD'],
      ['list', '--directory', 'records', '--key-env', old],
      ['list', '--directory', 'records', '--key-env', 'old=UNSET'],
      ['list', '--directory', 'records', '--key-env', 'short=SHORT'],
      ['list', '--directory', 'records', '--redis-url-env', 'URL', '--key-env', 'old=OLD'],
      ['show', '--directory', 'records', '--key-env', 'old=OLD'],
      ['what', '--directory', 'records', '--key-env', 'old=OLD'],
    ];
    for (const args of cases) {
      const { code, stderr } = await run(['store', ...args], { ...env, SHORT: 'c2hvcnQ=' });
      expect([code, args]).toEqual([64, args]);
      expect(stderr).not.toContain(old);
      expect(stderr).not.toContain('c2hvcnQ=');
    }
    const redis = ['--redis-url-env', 'URL', '--key-env', 'old=OLD'];
    const down = { ...env, URL: 'redis://:hunter2@127.0.0.1:1' };
    const nobody = await run(['store', 'list', ...redis], down);
    expect(nobody.code).toBe(4);
    expect(nobody.stderr + nobody.stdout).not.toContain('hunter2');
    expect(
      await readFile(join(home.path, 'records/certificates/marker.jwe'), 'utf8').catch(() => ''),
    ).not.toContain(old);
  });
});
