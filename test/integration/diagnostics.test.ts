import { channel } from 'node:diagnostics_channel';
import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  type DiagnosticChannel,
  dangerouslyTrustAnyServer,
  makeCustomClientFactory,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';

const CHANNELS: readonly DiagnosticChannel[] = [
  'mcp-tls:connect',
  'mcp-tls:verified',
  'mcp-tls:refused',
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
  it('tell of pools, connections and verdicts, and of nothing secret', async () => {
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
    expect(names.slice(0, 3)).toEqual(['pool-opened', 'connect', 'verified']);
    expect(names.slice(-3)).toEqual(['connect', 'refused', 'pool-closed']);
    expect(names).toContain('redirect-refused');
    const { port } = server;
    expect(heard.find(([name]) => name === 'mcp-tls:verified')?.[1]).toMatchObject({
      host: '127.0.0.1',
      port,
      by: 'certificate',
      fingerprint: certificate.fingerprint,
      protocol: 'TLSv1.3',
      milliseconds: expect.any(Number),
    });
    expect(heard.find(([name]) => name === 'mcp-tls:refused')?.[1]).toMatchObject({
      port,
      code: 'MCP_TLS_SELF_SIGNED',
      expected: expect.stringContaining(certificate.fingerprint),
    });
    expect(JSON.stringify(heard)).not.toMatch(/secret|BEGIN/);
    expect(heard.every(([, message]) => Object.isFrozen(message))).toBe(true);
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
