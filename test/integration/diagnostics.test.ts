import { channel } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { publish } from '../../src/diagnostics.js';
import {
  type DiagnosticChannel,
  dangerouslyTrustAnyServer,
  explainTlsError,
  fetchPeerCertificate,
  formatError,
  makeCustomClientFactory,
  onDiagnostic,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

const CHANNELS: readonly DiagnosticChannel[] = [
  'mcp-tls:connect',
  'mcp-tls:verified',
  'mcp-tls:refused',
  'mcp-tls:request',
  'mcp-tls:redirect-refused',
  'mcp-tls:pool-opened',
  'mcp-tls:pool-closed',
];
const heard: [name: string, message: Record<string, unknown>][] = [];
const listeners = CHANNELS.map((name) => {
  const listener = (message: unknown) => void heard.push([name, message as never]);
  return { name, listener };
});

function listen(): void {
  heard.length = 0;
  for (const { name, listener } of listeners) channel(name).subscribe(listener);
}
afterEach(() => {
  for (const { name, listener } of listeners) channel(name).unsubscribe(listener);
  vi.restoreAllMocks();
});

describe('diagnostics channels', () => {
  it('report pools, connections and verdicts, and nothing secret', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    listen();
    const factory = makeCustomClientFactory(certificate.pem);
    const client = factory({ url: server.url, auth: 'secret-token' });
    await (await client(`${server.url}/path-secret?query-secret`)).text();
    server.redirectTo('https://127.0.0.1:9/location-secret');
    await client(server.url).catch(() => {});
    server.rotate(await heldCertificate(), { dropConnections: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await client(server.url).catch(() => {});
    await factory.close();

    const names = heard.map(([name]) => name.replace('mcp-tls:', ''));
    expect(names.slice(0, 4)).toEqual(['pool-opened', 'connect', 'verified', 'request']);
    // The connection that was refused was the last one to its origin.
    expect(names.slice(-4)).toEqual(['connect', 'refused', 'pool-closed', 'request']);
    expect(names).toContain('redirect-refused');
    const { port } = server;
    expect(heard.find(([name]) => name === 'mcp-tls:verified')?.[1]).toMatchObject({
      host: '127.0.0.1',
      port,
      by: 'certificate',
      fingerprint: certificate.fingerprint,
      protocol: 'TLSv1.3',
      durationMs: expect.any(Number),
    });
    expect(heard.find(([name]) => name === 'mcp-tls:refused')?.[1]).toMatchObject({
      port,
      code: 'MCP_TLS_SELF_SIGNED',
      expected: expect.stringContaining(certificate.fingerprint),
      durationMs: expect.any(Number),
    });
    expect(heard[0]?.[1]).toEqual({ host: '127.0.0.1', port, anchors: 1, pins: 0 });
    expect(heard.at(-2)?.[1]).toEqual(heard[0]?.[1]);
    expect(JSON.stringify(heard)).not.toMatch(/secret|BEGIN/);
    expect(heard.every(([, message]) => Object.isFrozen(message))).toBe(true);
  });
});

describe('mcp-tls:request', () => {
  const requests = () =>
    heard.filter(([name]) => name === 'mcp-tls:request').map(([, message]) => message);

  it('says whether the connection is new or reused, and how long the head of the answer took', async () => {
    const certificate = await heldCertificate();
    const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
      const ms = request.url === '/slow' ? 150 : 0;
      setTimeout(() => response.writeHead(request.url === '/missing' ? 404 : 200).end('ok'), ms);
    };
    await using server = await startTlsServer({ certificate, onRequest });
    await using factory = makeCustomClientFactory(certificate.pem);
    const client = factory({ url: server.url });
    listen();
    await (await client(server.url)).text();
    await (await client(`${server.url}/slow`, { method: 'POST', body: 'a' })).text();
    await (await client(`${server.url}/missing`)).text();
    const { port } = server;
    const about = { host: '127.0.0.1', port, code: undefined, durationMs: expect.any(Number) };
    expect(requests()).toEqual([
      { ...about, method: 'GET', connection: 'new', status: 200 },
      { ...about, method: 'POST', connection: 'reused', status: 200 },
      { ...about, method: 'GET', connection: 'reused', status: 404 },
    ]);
    expect(requests()[1]?.['durationMs']).toBeGreaterThan(140);
    // An open answer keeps its connection: the next request has another one.
    await Promise.all([client(`${server.url}/slow`), client(`${server.url}/slow`)]);
    const connections = requests().map(({ connection }) => connection);
    expect(connections.slice(3).sort()).toEqual(['new', 'reused']);
  });

  it("keeps a method of the caller's own to itself", async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using factory = makeCustomClientFactory(certificate.pem);
    listen();
    await factory({ url: server.url })(server.url, { method: 'PURGE' });
    expect(requests()).toMatchObject([{ method: 'other' }]);
  });

  it('counts a request that is lost to a closed idle connection as one over the new connection', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using factory = makeCustomClientFactory(certificate.pem);
    const client = factory({ url: server.url });
    await (await client(server.url)).text();
    listen();
    // Asked before the end of the connection was seen: undici connects the same client once more.
    const meanwhile = [0, 1, 5].flatMap((ms) => [ms, ms]);
    for (const ms of meanwhile) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      server.dropConnections();
      if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms));
      await (await client(server.url)).text();
    }
    const verified = heard.filter(([name]) => name === 'mcp-tls:verified').length;
    expect(requests().map(({ status }) => status)).toEqual(meanwhile.map(() => 200));
    expect(requests().filter(({ connection }) => connection === 'new')).toHaveLength(verified);
    expect(verified).toBe(meanwhile.length);
  });

  it('gives the code of a failure, and none for an abort of the caller', async () => {
    const [certificate, other] = [await heldCertificate(), await heldCertificate()];
    await using server = await startTlsServer({ certificate });
    await using strict = makeCustomClientFactory(other.pem);
    await using factory = makeCustomClientFactory(certificate.pem, {
      timeout: { connectMs: 200 },
      maxConnections: 1,
    });
    listen();
    await strict()(server.url).catch(() => {});
    server.stall('headers');
    const abort = new AbortController();
    const held = factory()(server.url, { signal: abort.signal }).catch(() => {});
    // There is one connection, which the other one holds.
    await factory()(server.url).catch(() => {});
    abort.abort(new Error('enough'));
    await held;
    await factory({ timeout: { totalMs: 100 } })(server.url).catch(() => {});
    const seen = requests().map(({ connection, status, code }) => [connection, status, code]);
    expect(seen).toEqual([
      ['new', undefined, 'MCP_TLS_SELF_SIGNED'],
      [undefined, undefined, 'MCP_TLS_TIMEOUT'],
      ['new', undefined, undefined],
      ['new', undefined, 'MCP_TLS_TIMEOUT'],
    ]);
  });
});

describe('mcp-tls:pool-closed', () => {
  it('comes once for each pool that was opened, however its connections end', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const factory = makeCustomClientFactory(certificate.pem);
    listen();
    await (await factory()(server.url)).text();
    server.dropConnections();
    await new Promise((resolve) => setTimeout(resolve, 50));
    server.stall('headers');
    const calls = [1, 2, 3].map(() => factory()(server.url).catch(() => {}));
    await expect.poll(() => server.openConnections).toBe(3);
    await factory.close();
    await Promise.all(calls);
    const pools = heard.map(([name]) => name).filter((name) => name.startsWith('mcp-tls:pool'));
    expect(pools).toEqual([
      'mcp-tls:pool-opened',
      'mcp-tls:pool-closed',
      'mcp-tls:pool-opened',
      'mcp-tls:pool-closed',
    ]);
  });
});

describe('onDiagnostic', () => {
  it('calls a listener until it is disposed of', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using factory = makeCustomClientFactory(certificate.pem);
    const statuses: (number | undefined)[] = [];
    const listening = onDiagnostic('mcp-tls:request', ({ status }) => statuses.push(status));
    await (await factory()(server.url)).text();
    expect(statuses).toEqual([200]);
    listening[Symbol.dispose]();
    listening[Symbol.dispose]();
    await (await factory()(server.url)).text();
    expect(statuses).toEqual([200]);
    expect(channel('mcp-tls:request').hasSubscribers).toBe(false);
  });

  it('warns of a listener that throws or rejects, and no request comes to harm', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    await using factory = makeCustomClientFactory(certificate.pem);
    const all: string[] = [];
    const listening = [
      onDiagnostic('mcp-tls:verified', () => {
        throw new Error('thrown');
      }),
      onDiagnostic('mcp-tls:verified', async () => Promise.reject(new Error('rejected'))),
      onDiagnostic('mcp-tls:verified', ({ by }) => all.push(by)),
    ];
    expect((await factory()(server.url)).status).toBe(200);
    for (const one of listening) one[Symbol.dispose]();
    expect(all).toEqual(['certificate']);
    expect(warn.mock.calls.map(([text]) => text)).toEqual([
      'a listener of mcp-tls:verified threw Error: thrown',
      'a listener of mcp-tls:verified threw Error: rejected',
    ]);
    expect(warn.mock.calls[0]?.[1]).toMatchObject({ code: 'MCP_TLS_LISTENER' });
  });

  it.each([
    ['mcp-tls:request', undefined],
    ['mcp-tls:request', { handleEvent() {} }],
    ['mcp-tls:requests', () => {}],
    [Symbol('mcp-tls:request'), () => {}],
  ])('refuses %o with %o', (name, listener) => {
    expect(() => onDiagnostic(name as 'mcp-tls:request', listener as () => void)).toThrow(
      expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }),
    );
  });

  it('makes no message that nobody listens to', () => {
    const make = vi.fn(() => ({ host: 'a', port: 1 }));
    publish('mcp-tls:connect', make);
    expect(make).not.toHaveBeenCalled();
    const heardOf: unknown[] = [];
    const listening = onDiagnostic('mcp-tls:connect', (message) => heardOf.push(message));
    publish('mcp-tls:connect', make);
    listening[Symbol.dispose]();
    expect(heardOf).toEqual([{ host: 'a', port: 1 }]);
  });
});

describe('a registry', () => {
  const { memoryStore, open } = registryParts();

  it('names the server in every message and in every error, where two have one address', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const registry = open({ store: memoryStore() });
    const approved = { expectFingerprint: certificate.fingerprint };
    for (const id of ['a', 'b']) await registry.register(id, server.url, approved);
    listen();
    const [a, b] = [(await registry.clientFactory('a'))(), (await registry.clientFactory('b'))()];
    await (await a(server.url)).text();
    await (await b(server.url)).text();
    server.redirectTo('https://127.0.0.1:9/');
    const redirected = explainTlsError(await b(server.url).catch((error) => error));
    expect(redirected).toMatchObject({ code: 'MCP_TLS_REDIRECT_REFUSED', id: 'b' });
    server.rotate(await heldCertificate(), { dropConnections: true });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const refused = explainTlsError(await a(server.url).catch((error) => error));
    expect(refused).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', id: 'a' });
    expect(refused?.message).toMatch(/^'a': 127\.0\.0\.1:\d+: its certificate/);
    expect(refused?.toJSON()).toMatchObject({ id: 'a' });
    expect(formatError(refused)).toContain("'a'");
    await server.close();
    const error = await b(server.url).catch((reason) => reason);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message).toMatch(/^fetch failed: 'b': /);
    expect(explainTlsError(error)).toMatchObject({
      ...{ code: 'MCP_TLS_UNREACHABLE', id: 'b', retryable: true, host: '127.0.0.1' },
    });
    await registry.close();
    const names = new Set(heard.map(([name]) => name));
    expect([...names].sort()).toEqual([...CHANNELS].sort());
    expect(new Set(heard.map(([, { id }]) => id))).toEqual(new Set(['a', 'b']));
    expect(heard.every(([, { port, host }]) => port === server.port && host === '127.0.0.1')).toBe(
      true,
    );
  });

  it('passes the reason of an abort on untouched, also one that is an error of ours', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const registry = open({ store: memoryStore() });
    const approved = { expectFingerprint: certificate.fingerprint };
    await registry.register('a', server.url, approved);
    const client = (await registry.clientFactory('a'))();
    server.stall('headers');
    const ours = explainTlsError(await fetchPeerCertificate('https://127.0.0.1:9').catch((e) => e));
    const reason = new TypeError('of the caller', { cause: ours });
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 50);
    await expect(client(server.url, { signal: abort.signal })).rejects.toBe(reason);
    const request = new Request(server.url, { signal: abort.signal });
    await expect(client(request)).rejects.toBe(reason);
  });
});

describe('dangerouslyTrustAnyServer', () => {
  it('accepts anybody, says so in the channel, and warns once a process', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const certificate = await heldCertificate({
      dns: ['other.example'],
      notAfter: new Date(Date.now() - 1000),
    });
    await using server = await startTlsServer({ certificate });
    listen();
    for (let i = 0; i < 3; i++) {
      const factory = makeCustomClientFactory(dangerouslyTrustAnyServer());
      expect((await factory()(server.url)).ok).toBe(true);
      await factory.close();
    }
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]?.[1]).toMatchObject({ code: 'MCP_TLS_DANGER' });
    const verified = heard.filter(([name]) => name === 'mcp-tls:verified');
    expect(verified.map(([, { by }]) => by)).toEqual(['nothing', 'nothing', 'nothing']);
  });

  it('cannot be reached by data: copies of it are refused', () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const trust = dangerouslyTrustAnyServer();
    for (const copy of [{ ...trust }, structuredClone(trust), JSON.parse(JSON.stringify(trust))]) {
      expect(() => makeCustomClientFactory(copy)).toThrow(/empty policy/);
    }
  });
});
