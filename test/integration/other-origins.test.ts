import type { LookupFunction } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type CustomClientFactoryOptions,
  explainTlsError,
  makeCustomClientFactory,
} from '../../src/index.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { startProxy } from '../support/start-proxy.js';

/** Where a server may send its client: origins that only a peer named. */

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const certificate = await heldCertificate({
  dns: ['localhost', 'inside.test'],
  ip: ['127.0.0.1'],
});
const trust = certificate.pem;

async function serve() {
  const server = await startTlsServer({ certificate });
  opened.push(server);
  return server;
}

/** A client of a server of its own, that nobody reaches. */
function clientOf(options: CustomClientFactoryOptions) {
  const factory = makeCustomClientFactory(trust, options);
  opened.push(factory);
  return factory({ url: 'https://own.test/mcp', auth: 'token' });
}

const codeOf = (call: Promise<Response>): Promise<string> =>
  call.then(
    ({ status }) => String(status),
    (error) => explainTlsError(error)?.code ?? String(error),
  );

const toLoopback: LookupFunction = (_host, options, done) => {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
  else done(null, '127.0.0.1', 4);
};

describe('without a list of origins', () => {
  it.each(['127.0.0.1', 'localhost', 'inside.test', '[::1]', '0.0.0.0', '[::ffff:127.0.0.1]'])(
    'nothing connects to %s, which is no public address',
    async (host) => {
      const server = await serve();
      const client = clientOf({ lookup: toLoopback });
      const url = `https://${host}:${server.port}/.well-known/oauth-authorization-server`;
      expect(await codeOf(client(url))).toBe('MCP_TLS_ADDRESS_REFUSED');
      expect(server.records.connections).toBe(0);
    },
  );

  it('a hook of the host application can forbid more, and allow no more', async () => {
    const server = await serve();
    const asked: string[] = [];
    const allowAddress = (address: string): boolean => {
      asked.push(address);
      return true;
    };
    const client = clientOf({ allowAddress, lookup: toLoopback });
    expect(await codeOf(client(server.urlFor('inside.test')))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(asked).toEqual([]);
    expect(server.records.connections).toBe(0);
  });

  it('an address behind a proxy is judged before the proxy is asked', async () => {
    await using proxy = await startProxy();
    const server = await serve();
    const client = clientOf({ proxy: proxy.url });
    expect(await codeOf(client(server.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(server.records.connections).toBe(0);
  });
});

describe('with a list of origins', () => {
  it('those in it are reached, also at private addresses, and no others', async () => {
    const [listed, other] = [await serve(), await serve()];
    const client = clientOf({ origins: { [listed.url]: trust } });
    expect(await codeOf(client(listed.url))).toBe('200');
    const refusal = await client(other.url).catch((error) => explainTlsError(error));
    expect(refusal).toMatchObject({
      code: 'MCP_TLS_ADDRESS_REFUSED',
      refused: true,
      hint: expect.stringContaining(`origins: { '${other.url}': certificate }`),
    });
    expect(other.records.connections).toBe(0);
    expect(listed.records.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  it('an empty one allows none, and asks no resolver', async () => {
    let lookups = 0;
    const client = clientOf({
      origins: {},
      lookup: (...given) => {
        lookups++;
        toLoopback(...given);
      },
    });
    expect(await codeOf(client('https://elsewhere.test/'))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(lookups).toBe(0);
  });
});
