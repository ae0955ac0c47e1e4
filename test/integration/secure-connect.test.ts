import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { createServer } from 'node:tls';
import { describe, expect, it, vi } from 'vitest';
import {
  explainTlsError,
  fetchPeerCertificate,
  publicAddressesOnly,
  type SecureConnectOptions,
  secureConnect,
  type TrustPolicy,
} from '../../src/core.js';
import { BATTERY_CHECKS } from '../../src/testing/battery/battery-checks.js';
import {
  type BatteryRequest,
  type BatteryResponse,
  heldCertificate,
  type MakeBatteryClient,
  pinningBattery,
  startTlsServer,
} from '../../src/testing/index.js';

/** A client of node:http over our sockets, one for each request. It follows nothing, and knows one policy. */
const overSockets: MakeBatteryClient =
  ({ url: _, origins: _others, ...trust }) =>
  async (input: string, { method = 'GET', headers = {}, body }: BatteryRequest = {}) => {
    const socket = await secureConnect(input, { trust: trust as TrustPolicy });
    const { host, pathname, search } = new URL(input);
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const options = { path: pathname + search, method, headers: { host, ...headers } };
      request({ ...options, createConnection: () => socket }, resolve)
        .on('error', reject)
        .end(body);
    });
    const pieces: Buffer[] = [];
    for await (const piece of answer) pieces.push(piece);
    socket.destroy();
    const text = Buffer.concat(pieces).toString();
    return { status: answer.statusCode, text: async () => text } as BatteryResponse;
  };

const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'connected',
    (error) => explainTlsError(error)?.code ?? error,
  );

/** What concerns other origins, redirects and bodies is for a fetch. */
const OF_A_FETCH = /^(http|named|listed)-|-other-origin$/;
const CHECKS = BATTERY_CHECKS.filter(({ subject }) => subject !== 'host')
  .map(({ id }) => id)
  .filter((id) => !OF_A_FETCH.test(id));

describe('secureConnect', () => {
  it('is judged as a client is: no attack on certificates, names, pins or connections gets a byte', async () => {
    const { results } = await pinningBattery(overSockets, { include: CHECKS, timeoutMs: 15_000 });
    const failed = results.filter(({ passed }) => passed === false);
    expect(failed.map(({ id, got }) => `${id}: ${got}`)).toEqual([]);
    expect(results.length).toBeGreaterThan(150);
  }, 120_000);

  it('offers the protocols of ALPN that are asked for, and http/1.1 where none is', async () => {
    const certificate = await heldCertificate();
    const server = createServer({
      cert: certificate.pem,
      key: certificate.keyPem,
      ALPNProtocols: ['h2', 'http/1.1'],
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    for (const [alpnProtocols, chosen] of [
      [undefined, 'http/1.1'],
      [['h2', 'http/1.1'], 'h2'],
    ] as const) {
      const socket = await secureConnect(url, { trust: certificate.pem, alpnProtocols });
      expect(socket.alpnProtocol).toBe(chosen);
      socket.destroy();
    }
    server.close();
  });

  it.each([[[]], [['']], [['h2', undefined]], ['h2']])(
    'refuses %j as protocols of ALPN',
    async (alpnProtocols) => {
      const options = { trust: null, alpnProtocols } as unknown as SecureConnectOptions;
      expect(await codeOf(secureConnect('https://127.0.0.1:9', options))).toBe(
        'MCP_TLS_INVALID_ARGUMENT',
      );
    },
  );

  it('trusts nobody where trust is unset, and asks the address hook', async () => {
    const url = 'https://127.0.0.1:9';
    const unset = {} as SecureConnectOptions;
    expect(await codeOf(secureConnect(url, unset))).toBe('MCP_TLS_INVALID_ARGUMENT');
    const guarded = { trust: null, allowAddress: publicAddressesOnly };
    expect(await codeOf(secureConnect(url, guarded))).toBe('MCP_TLS_ADDRESS_REFUSED');
  });

  it('is given up by its signal, before, while it connects, and not after', async () => {
    const silent = createTcp().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const url = `https://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const reason = new Error('given up');
    const before = secureConnect(url, { trust: null, signal: AbortSignal.abort(reason) });
    await expect(before).rejects.toBe(reason);
    const controller = new AbortController();
    silent.once('connection', () => controller.abort(reason));
    const meanwhile = secureConnect(url, { trust: null, signal: controller.signal });
    await expect(meanwhile).rejects.toBe(reason);
    silent.close();

    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const later = new AbortController();
    const trust = certificate.pem;
    const socket = await secureConnect(server.url, { trust, signal: later.signal });
    later.abort(reason);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
  });

  it('reads a source at each call', async () => {
    const certificate = await heldCertificate();
    const other = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    let ca = certificate.pem;
    const connect = () => secureConnect(server.url, { trust: { ca: () => ca } });
    (await connect()).destroy();
    ca = other.pem;
    expect(await codeOf(connect())).toBe('MCP_TLS_SELF_SIGNED');
  });
});

it('prints no warning about 12 connections and probes at a time on one signal', async () => {
  const certificate = await heldCertificate();
  const server = await startTlsServer({ certificate });
  const { signal } = new AbortController();
  const warned = vi.fn();
  process.on('warning', warned);
  const one = async (): Promise<void> => {
    const socket = await secureConnect(server.url, { trust: { ca: certificate.pem }, signal });
    socket.destroy();
    await fetchPeerCertificate(server.url, { signal });
  };
  await Promise.all(Array.from({ length: 12 }, one));
  await new Promise((resolve) => setImmediate(resolve));
  process.off('warning', warned);
  await server.close();
  expect(warned.mock.calls).toEqual([]);
});
