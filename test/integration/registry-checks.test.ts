import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { heldCertificate } from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';
import {
  approved,
  certificate,
  cleanups,
  codeOf,
  failure,
  memoryStore,
  open,
  serve,
} from './registry-setup.js';

describe('check', () => {
  it.each(['streamable-http', 'sse'] as const)('finds %s', async (transport) => {
    const [server, registry] = [await serve({ transport: 'both' }), open()];
    await registry.register('a', server.mcpUrl, approved());
    const endpoint = transport === 'sse' ? '/sse' : undefined;
    expect(await registry.check('a', { endpoint })).toMatchObject({
      ok: true,
      reachable: true,
      trusted: true,
      mcp: transport,
      daysLeft: 29,
      error: undefined,
    });
    await expect.poll(() => server.sessionIds).toEqual([]);
  });

  it('distinguishes unauthorized, silent, impersonated and unreachable servers', async () => {
    const [server, registry] = [await serve({ requireBearer: 'secret' }), open()];
    await registry.register('a', server.mcpUrl, approved());
    expect(await registry.check('a')).toMatchObject({
      ok: false,
      reachable: true,
      trusted: true,
      mcp: 'unauthorized',
      code: undefined,
      error: { message: expect.stringContaining('wants authorization (401)') },
    });
    expect(await registry.check('a', { auth: 'wrong' })).toMatchObject({ mcp: 'unauthorized' });
    expect(await registry.check('a', { auth: 'secret' })).toMatchObject({
      ...{ ok: true, mcp: 'streamable-http', error: undefined },
    });
    server.stall('headers');
    expect(await registry.check('a', { timeoutMs: 300 })).toMatchObject({
      ok: false,
      reachable: true,
      trusted: true,
    });
    server.recover();
    server.rotate(await heldCertificate(), { dropConnections: true });
    expect(await registry.check('a')).toMatchObject({
      reachable: true,
      trusted: false,
      code: 'MCP_TLS_SELF_SIGNED',
    });
    await server.close();
    expect(await registry.check('a')).toMatchObject({
      reachable: false,
      trusted: false,
      code: 'MCP_TLS_UNREACHABLE',
      daysLeft: undefined,
    });
    expect(await codeOf(registry.check('b'))).toBe('MCP_TLS_NOT_REGISTERED');
  });

  it.each([
    ['a handshake that stalls', 'handshake', false],
    ['headers that do not come', 'headers', true],
  ] as const)('ends within timeoutMs, whatever is waited for: %s', async (_, at, trusted) => {
    const [server, registry] = [await serve(), open({ timeout: { connectMs: 5_000 } })];
    await registry.register('a', server.mcpUrl, approved());
    server.stall(at);
    const before = performance.now();
    const checked = await registry.check('a', { timeoutMs: 400 });
    const took = performance.now() - before;
    // The handshake alone may take five seconds.
    expect(took).toBeLessThan(4_000);
    expect(checked).toMatchObject({
      ...{ ok: false, trusted, reachable: trusted, code: 'MCP_TLS_TIMEOUT' },
      error: { message: expect.stringContaining('within 400 ms') },
    });
    expect(checked.durationMs).toBeGreaterThan(took / 2);
    expect(checked.durationMs).toBeLessThanOrEqual(Math.ceil(took));
  });

  it.each<[what: string, post: number, get: number, seen: object]>([
    ['401 to streamable HTTP', 401, 200, { mcp: 'unauthorized' }],
    ['405, and 401 to SSE', 405, 401, { mcp: 'unauthorized' }],
    ['400, and 405 to SSE', 400, 405, { mcp: undefined, error: { status: 400 } }],
    ['404, and a page to SSE', 404, 200, { mcp: undefined, error: { status: 404 } }],
    ['403, and 404 to SSE', 403, 404, { mcp: undefined, error: { status: 403 } }],
    ['500', 500, 401, { mcp: undefined, error: { status: 500 } }],
  ])('keeps the first, telling answer, and tells 401 apart: %s', async (_, post, get, seen) => {
    const { pem: cert, keyPem } = certificate;
    const server = createServer({ cert, key: keyPem }, ({ method }, response) => {
      const headers = { 'content-type': 'text/html' };
      response.writeHead(method === 'POST' ? post : get, headers).end('what it says');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const registry = open();
    await registry.register('a', `https://127.0.0.1:${port}/mcp`, approved());
    const checked = await registry.check('a', { timeoutMs: 30_000 });
    expect(checked).toMatchObject({ ok: false, reachable: true, trusted: true, code: undefined });
    expect(checked).toMatchObject(seen);
    expect(checked.durationMs).toBeLessThan(20_000);
  });

  it('remarks that a certificate is expired where the trust on record excuses it', async () => {
    const [server, registry] = [await serve(), open()];
    const old = await heldCertificate({ notAfter: new Date(Date.now() - 86_400_000) });
    server.rotate(old);
    const trust = { identity: 'pin', pins: old.spkiPin, allowExpired: true } as const;
    await registry.register('old', server.mcpUrl, { trust });
    const { ok, remarks } = await registry.check('old');
    expect(ok).toBe(true);
    expect(remarks).toContainEqual(expect.objectContaining({ code: 'expired', certificate: 0 }));
  });

  it('divides timeoutMs among both transports and the inspection', async () => {
    const { pem: cert, keyPem } = certificate;
    const server = createServer({ cert, key: keyPem }, ({ method }, response) => {
      // Of the older transport, whose stream it never opens.
      if (method === 'POST') setTimeout(() => response.writeHead(405).end(), 300);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(async () => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const registry = open();
    await registry.register('a', `https://127.0.0.1:${port}/mcp`, approved());
    using lag = new Lag();
    const checked = await registry.check('a', { timeoutMs: 500 });
    expect(lag.elapsedMs).toBeLessThan(950);
    expect(checked).toMatchObject({ ok: false, trusted: true, code: 'MCP_TLS_TIMEOUT' });
    expect(checked.durationMs).toBeGreaterThan(450);
  });

  it('does not take silence for trust', async () => {
    const [server, registry] = [await serve(), open({ timeout: { connectMs: 400 } })];
    await registry.register('a', server.mcpUrl, approved());
    server.stall('handshake');
    expect(await registry.check('a', { timeoutMs: 100 })).toMatchObject({
      ok: false,
      reachable: false,
      trusted: false,
      code: 'MCP_TLS_TIMEOUT',
    });
  });
});

describe('allowAddress', () => {
  it('refuses addresses before a probe, and a name whose address changes before a connection', async () => {
    const server = await serve();
    let address = '127.0.0.1';
    let lookups = 0;
    const asked: string[] = [];
    const registry = open({
      lookup: (_host, options, callback) => {
        lookups++;
        if (options.all) callback(null, [{ address, family: 4 }]);
        else callback(null, address, 4);
      },
      allowAddress: (one, { host, port }) => {
        asked.push(`${one} ${host} ${port === server.port}`);
        return one === '127.0.0.1';
      },
    });
    const url = server.urlFor('localhost', '/mcp');
    await registry.register('a', url, approved());
    // One handshake, with one look-up, and the hook is asked about what it gave.
    expect(lookups).toBe(1);
    expect(asked).toEqual(['127.0.0.1 localhost true']);
    const client = (await registry.clientFactory('a'))();
    await (await client(url)).text();
    server.dropConnections();
    address = '127.0.0.2';
    const before = server.records.connections;
    await expect.poll(() => codeOf(client(url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.inspect(url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.register('b', url, approved()))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(server.records.connections).toBe(before);
  });

  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['[::ffff:127.0.0.1]', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['[::1]', '::1'],
    ['localhost', '127.0.0.1'],
  ])('is asked about the address in https://%s too', async (host, address) => {
    const server = await serve();
    const asked: string[] = [];
    const registry = open({
      lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
      // One that forgets to answer has not allowed it.
      allowAddress: ((one: string) => {
        asked.push(one);
      }) as never,
    });
    expect(await codeOf(registry.inspect(`https://${host}:${server.port}/`))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
    expect(asked).toEqual([address]);
    expect(server.records.connections).toBe(0);
  });

  it('leaves of several addresses only the allowed ones', async () => {
    const server = await serve();
    const addresses = ['127.0.0.1', '127.0.0.2'].map((address) => ({ address, family: 4 }));
    let allowed = '127.0.0.1';
    const registry = open({
      lookup: (_host, _options, callback) => callback(null, addresses),
      allowAddress: (one) => one === allowed,
    });
    const url = server.urlFor('localhost');
    expect((await registry.inspect(url)).description.fingerprint).toBe(certificate.fingerprint);
    // Nothing listens there, and the server that does is not allowed.
    allowed = '127.0.0.2';
    server.clearRecords();
    expect(await codeOf(registry.inspect(url))).toBe('MCP_TLS_UNREACHABLE');
    expect(server.records.connections).toBe(0);
  });

  it('holds for other origins that a client is sent to, and refuses when it throws', async () => {
    const server = await serve();
    let broken = false;
    const registry = open({
      allowAddress: (_one, { port }) => {
        if (broken) throw new Error('no list');
        return port === server.port;
      },
    });
    await registry.register('a', server.mcpUrl, approved());
    const client = (await registry.clientFactory('a'))();
    const metadata = await serve();
    expect(await codeOf(client(metadata.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(client(metadata.urlFor('localhost')))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(metadata.records.connections).toBe(0);
    // Nor does a change of the URL lead there.
    const moved = registry.update('a', { url: metadata.url });
    expect(await codeOf(moved)).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(metadata.records.connections).toBe(0);
    broken = true;
    expect(await codeOf(registry.inspect(server.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await codeOf(registry.inspect(server.urlFor('localhost')))).toBe(
      'MCP_TLS_ADDRESS_REFUSED',
    );
  });

  it('excludes a proxy, which looks names up itself', () => {
    const options = { allowAddress: () => true, proxy: 'http://127.0.0.1:1' };
    expect(() => open(options)).toThrow('cannot be combined');
    expect(() => open({ allowAddress: undefined } as object)).toThrow('leave it out');
  });
});

describe('certificateFile', () => {
  it('holds the certificate and never a key, for this user only, until it is closed', async () => {
    const mine = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    const [server, registry] = [await serve(), open()];
    const clientCertificate = { cert: mine.pem, key: mine.keyPem };
    await registry.register('../a', server.mcpUrl, { ...approved(), clientCertificate });
    const file = await registry.certificateFile('../a');
    expect(await readFile(file.path, 'utf8')).toBe(certificate.pem);
    expect((await stat(file.path)).mode & 0o777).toBe(0o600);
    expect((await stat(dirname(file.path))).mode & 0o777).toBe(0o700);
    await file.close();
    await expect(stat(dirname(file.path))).rejects.toThrow('ENOENT');
    const second = await registry.certificateFile('../a');
    await registry.revoke('../a');
    await expect(stat(second.path)).rejects.toThrow('ENOENT');
  });

  it('is gone after close, and leaves no listener', async () => {
    const before = process.listenerCount('exit');
    const directory = await mkdtemp(join(tmpdir(), 'registry-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    await registry.certificateFile('a', { directory });
    await registry.certificateFile('a', { directory });
    expect(await readdir(directory)).toHaveLength(2);
    expect(process.listenerCount('exit')).toBe(before + 1);
    await registry.close();
    expect(await readdir(directory)).toEqual([]);
    expect(process.listenerCount('exit')).toBe(before);
  });

  it('says what to do where nothing can be written', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.mcpUrl, approved());
    const error = await failure(registry.certificateFile('a', { directory: '/proc/nowhere' }));
    expect(error).toMatchObject({ code: 'MCP_TLS_FILE_REFUSED', id: 'a' });
    expect(String(error)).toContain('options.directory');
  });
});

describe('close', () => {
  it('ends connections and timers; the store goes on', async () => {
    const timers = () =>
      process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const [server, store] = [await serve(), memoryStore()];
    const registry = open({ store });
    await registry.register('a', server.mcpUrl, approved());
    const fetch = (await registry.clientFactory('a'))();
    await (await fetch(server.url)).text();
    await registry.close();
    await expect.poll(() => server.openConnections).toBe(0);
    expect(await codeOf(fetch(server.url))).toBe('MCP_TLS_CLOSED');
    expect(await codeOf(registry.clientFactory('a'))).toBe('MCP_TLS_CLOSED');
    expect(await store.get('a')).toBeDefined();
    await expect.poll(timers).toBeLessThanOrEqual(1);
  });
});
