import type { LookupFunction } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import {
  type AddressTarget,
  type CustomClientFactoryOptions,
  explainTlsError,
  makeCustomClientFactory,
  originFetch,
  streamableHttpClient,
} from '../../src/index.js';
import { createStoredCertificate } from '../../src/store/index.js';
import { serverTrust } from '../../src/store/record/server-trust.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';
import { startProxy } from '../support/start-proxy.js';

/** Where a server may send its client: origins that only a peer named. */

const parts = registryParts();
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

describe("with namedOrigins: 'anywhere'", () => {
  const anywhere = { namedOrigins: 'anywhere', lookup: toLoopback } as const;

  it('a private address is connected to, and judged by the default roots', async () => {
    const server = await serve();
    const refusal = await clientOf(anywhere)(server.urlFor('inside.test')).catch(explainTlsError);
    expect(refusal).toMatchObject({
      code: 'MCP_TLS_SELF_SIGNED',
      hint: expect.stringContaining(`origins: { '${server.urlFor('inside.test')}': certificate }`),
    });
    expect(server.records.connections).toBe(1);
    expect(server.records.applicationBytes).toBe(0);
  });

  it('a hook of the host application decides, and knows that only a peer named the address', async () => {
    const server = await serve();
    const roles: string[] = [];
    const allowAddress = (_: string, { role }: AddressTarget): boolean => {
      roles.push(role);
      return false;
    };
    const client = clientOf({ ...anywhere, allowAddress });
    expect(await codeOf(client(server.urlFor('inside.test')))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(roles).toEqual(['named']);
    expect(server.records.connections).toBe(0);
  });

  it('a transport takes it, too', async () => {
    const server = await serve();
    const transport = streamableHttpClient('https://own.test/mcp', { trust, ...anywhere });
    opened.push(transport);
    const fetch = (transport as unknown as { _fetch: typeof globalThis.fetch })._fetch;
    expect(await codeOf(fetch(server.urlFor('inside.test')))).toBe('MCP_TLS_SELF_SIGNED');
  });

  it.each([
    ['a list', () => clientOf({ origins: {}, namedOrigins: 'anywhere' })],
    ['a list, and the default', () => clientOf({ origins: {}, namedOrigins: 'public' })],
    [
      'the list of a record',
      () => {
        const record = createStoredCertificate({ url: 'https://own.test/', trust, origins: {} });
        const checked = serverTrust(record, 1);
        opened.push(makeCustomClientFactory(checked, { namedOrigins: 'anywhere' }));
      },
    ],
    ['another word', () => clientOf({ namedOrigins: 'everywhere' as never })],
    ['a registry', () => parts.open({ namedOrigins: 'anywhere' } as never)],
    [
      'a clientFactory',
      () => {
        const clientFactory = makeCustomClientFactory(trust);
        const options = { clientFactory, namedOrigins: 'anywhere' } as never;
        streamableHttpClient('https://own.test/mcp', options);
      },
    ],
    ['originFetch', () => originFetch(() => null, undefined, { namedOrigins: 'public' } as never)],
  ])('throws beside %s', (_, make) => {
    expect(make).toThrow(expect.objectContaining({ code: 'MCP_TLS_INVALID_ARGUMENT' }));
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

describe('allowAddress receives the server that it is asked about', () => {
  /** Addresses of names that end in `.public` are public, and not there. */
  const names: LookupFunction = (host, options, done) => {
    const address = host.endsWith('.public') ? '1.1.1.1' : '127.0.0.1';
    if (options.all) done(null, [{ address, family: 4 }]);
    else done(null, address, 4);
  };

  it('a factory reports the own, listed and named origins, and the server that the client is of', async () => {
    const [own, listed] = [await serve(), await serve()];
    const asked: AddressTarget[] = [];
    const allowAddress = (_: string, target: AddressTarget): boolean => {
      asked.push(target);
      return target.role !== 'named';
    };
    const make = (origins?: CustomClientFactoryOptions['origins']) => {
      const options = { allowAddress, lookup: names, ...(origins && { origins }) };
      const factory = makeCustomClientFactory(trust, options);
      opened.push(factory);
      return factory({ url: own.urlFor('localhost') });
    };
    const serverOrigin = own.urlFor('localhost');
    const closed = make({ [listed.urlFor('inside.test')]: trust });
    expect(await codeOf(closed(own.urlFor('localhost')))).toBe('200');
    expect(await codeOf(closed(listed.urlFor('inside.test')))).toBe('200');
    expect(await codeOf(make()('https://login.public/'))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(asked).toEqual([
      { host: 'localhost', port: own.port, role: 'own', id: undefined, serverOrigin },
      { host: 'inside.test', port: listed.port, role: 'listed', id: undefined, serverOrigin },
      { host: 'login.public', port: 443, role: 'named', id: undefined, serverOrigin },
    ]);
  });

  it('two clients of one factory are kept apart, each with what its own server names', async () => {
    const asked: (string | undefined)[] = [];
    const allowAddress = (_: string, { serverOrigin }: AddressTarget): boolean => {
      asked.push(serverOrigin);
      return false;
    };
    const factory = makeCustomClientFactory(trust, { allowAddress, lookup: names });
    opened.push(factory);
    for (const url of ['https://a.test/mcp', 'https://b.test/mcp', 'https://a.test/other']) {
      await codeOf(factory({ url })('https://login.public/'));
    }
    expect(asked).toEqual(['https://a.test', 'https://b.test', 'https://a.test']);
  });

  it('a registry reports the id and the registered origin, for probes too', async () => {
    const server = await serve();
    const asked: AddressTarget[] = [];
    const allowAddress = (_: string, target: AddressTarget): boolean => {
      asked.push(target);
      return target.role !== 'named';
    };
    const registry = parts.open({ allowAddress, lookup: names });
    const url = server.urlFor('inside.test');
    await registry.inspect(url);
    await registry.register('billing', url, { expectFingerprint: certificate.fingerprint });
    const client = (await registry.clientFactory('billing'))();
    opened.push(client);
    await client(url);
    await codeOf(client('https://login.public/'));
    const own = { host: 'inside.test', port: server.port, role: 'own', serverOrigin: url };
    expect(asked).toEqual([
      { ...own, id: undefined },
      { ...own, id: 'billing' },
      { ...own, id: 'billing' },
      { host: 'login.public', port: 443, role: 'named', id: 'billing', serverOrigin: url },
    ]);
  });
});

describe('contradictions in `origins`', () => {
  const message = (make: () => unknown): string => {
    try {
      make();
      return 'taken';
    } catch (error) {
      return (error as { code?: string; message: string }).code === 'MCP_TLS_INVALID_ARGUMENT'
        ? (error as Error).message
        : String(error);
    }
  };
  const wrong = {
    'two spellings of one origin': {
      origins: { 'https://login.test': trust, 'https://LOGIN.test:443/': trust },
      says: 'https://login.test twice',
    },
    'the own origin': { origins: { 'https://own.test': trust }, says: 'the own origin' },
    'the own origin in another spelling': {
      origins: { 'https://OWN.test:443': trust },
      says: 'origin',
    },
    'a Map': { origins: new Map([['https://login.test', trust]]), says: 'object' },
    'an undefined trust': { origins: { 'https://login.test': undefined }, says: 'undefined' },
  };

  it.each(Object.entries(wrong))('%s is refused by a factory and its client', (_, given) => {
    const origins = given.origins as never;
    const made = message(() =>
      makeCustomClientFactory(trust, { origins })({ url: 'https://own.test/mcp' }),
    );
    expect(made).toContain(given.says);
  });

  it.each(Object.entries(wrong))('%s is refused by a transport', (_, given) => {
    const origins = given.origins as never;
    const made = message(() => streamableHttpClient('https://own.test/mcp', { trust, origins }));
    expect(made).toContain(given.says);
  });

  it.each(Object.entries(wrong))('%s is refused in a record', (_, given) => {
    const origins = given.origins as never;
    const url = 'https://own.test/mcp';
    expect(message(() => createStoredCertificate({ url, trust, origins }))).toContain('origin');
  });

  it('the own origin is refused where an update makes it that', async () => {
    const [first, second] = [await serve(), await serve()];
    const registry = parts.open();
    const origins = { [second.url]: trust };
    const given = { expectFingerprint: certificate.fingerprint, origins };
    await registry.register('billing', first.url, given);
    const moved = registry.update('billing', { url: second.url });
    await expect(moved).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
  });
});
