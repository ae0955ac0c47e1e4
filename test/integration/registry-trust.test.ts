import { createServer, type Server } from 'node:https';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ApprovalRequiredError,
  explainTlsError,
  type RegisterOptions,
  type ServerRegistry,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
  type TlsServerOptions,
} from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';
import { startNginx } from '../support/nginx-server.js';
import { registryParts } from '../support/registry-parts.js';

/** What a registry stores, and what it never stores. */

const { cleanups, memoryStore, open } = registryParts();
let certificate: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
});

async function serve(options: Partial<TlsServerOptions> = {}): Promise<TlsServer> {
  const server = await startTlsServer({ certificate, ...options });
  cleanups.push(() => server.close());
  return server;
}

async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return explainTlsError(error)?.code ?? error;
  }
}

const approved = (held = certificate): RegisterOptions => ({
  expectFingerprint: held.fingerprint,
});
const asks = async (registry: ServerRegistry, url: string) =>
  codeOf((async () => (await (await registry.clientFactory('a'))()(url)).status)());

describe('revoke waits for nothing', () => {
  it('takes effect while a person is asked about a changed certificate, and ends the renewal', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.url, approved());
    expect(await asks(registry, server.url)).toBe(200);
    server.rotate(await heldCertificate(), { dropConnections: true });
    let asked = false;
    let answer: (value: boolean) => void = () => {};
    const renewal = codeOf(
      registry.renew('a', {
        approve: () => {
          asked = true;
          return new Promise<boolean>((resolve) => {
            answer = resolve;
          });
        },
      }),
    );
    await expect.poll(() => asked).toBe(true);
    // Nobody has answered yet.
    expect(await registry.revoke('a')).toBe(true);
    expect(await asks(registry, server.url)).toBe('MCP_TLS_NOT_REGISTERED');
    expect(await renewal).toBe('MCP_TLS_NOT_REGISTERED');
    answer(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await codeOf(registry.get('a'))).toBe('MCP_TLS_NOT_REGISTERED');
  });

  it('takes effect while a server stalls its handshake', async () => {
    const [server, registry] = [await serve(), open()];
    await registry.register('a', server.url, approved());
    server.stall('handshake');
    const renewal = codeOf(registry.renew('a'));
    await new Promise((resolve) => setTimeout(resolve, 50));
    using lag = new Lag();
    expect(await registry.revoke('a')).toBe(true);
    // The handshake may take ten seconds.
    expect(lag.elapsedMs).toBeLessThan(5_000);
    expect(await renewal).toBe('MCP_TLS_NOT_REGISTERED');
    server.recover();
  });

  it('is not undone by a registration, update or renewal of another registry over the store', async () => {
    const store = memoryStore();
    const [server, one, two] = [await serve(), open({ store }), open({ store })];
    for (const flow of ['register', 'renew', 'update'] as const) {
      server.rotate(certificate);
      if (flow !== 'register') await one.register('a', server.url, approved());
      let release: () => void = () => {};
      const held = new Promise<boolean>((resolve) => {
        release = () => resolve(true);
      });
      let isAsked = false;
      const approve = () => {
        isAsked = true;
        return held;
      };
      server.rotate(flow === 'renew' ? await heldCertificate() : certificate);
      const running = codeOf(
        flow === 'register'
          ? one.register('a', server.url, { approve })
          : flow === 'renew'
            ? one.renew('a', { approve })
            : one.update('a', { approvedBy: 'x', url: server.url }),
      );
      if (flow !== 'update') await expect.poll(() => isAsked).toBe(true);
      await two.revoke('a');
      release();
      const outcome = await running;
      // An update may have come first; then it was withdrawn after it.
      if (flow !== 'update') expect(outcome).toBe('MCP_TLS_NOT_REGISTERED');
      expect(await codeOf(two.get('a'))).toBe('MCP_TLS_NOT_REGISTERED');
    }
  });
});

describe('two changes of one record', () => {
  it('both happen, whichever comes first', async () => {
    const store = memoryStore();
    const [server, one, two] = [await serve(), open({ store }), open({ store })];
    await one.register('a', server.url, approved());
    const end = new Date(Date.now() + 86_400_000);
    await Promise.all([
      one.update('a', { expiresAt: end }),
      two.update('a', { approvedBy: 'ops' }),
      one.update('a', { labels: { team: 'x' } }),
    ]);
    expect(await two.get('a')).toMatchObject({
      expiresAt: end,
      approvedBy: 'ops',
      labels: { team: 'x' },
    });
  });

  it('are one registration and one refusal, where both register', async () => {
    const store = memoryStore();
    const [server, one, two] = [await serve(), open({ store }), open({ store })];
    const outcomes = await Promise.all(
      [one, two].map((registry) => codeOf(registry.register('a', server.url, approved()))),
    );
    expect(outcomes.filter((one) => one === 'MCP_TLS_ALREADY_REGISTERED')).toHaveLength(1);
  });
});

describe('an approval that has expired', () => {
  it('is no first use: the change is shown, and the history stays', async () => {
    const [server, registry] = [await serve(), open()];
    const expiresAt = new Date(Date.now() + 60);
    await registry.register('a', server.url, { ...approved(), expiresAt });
    const next = await heldCertificate();
    server.rotate(next, { dropConnections: true });
    await new Promise((resolve) => setTimeout(resolve, 80));
    const again = { replace: true } as const;
    const first = await registry
      .register('a', server.url, { ...again, trustOnFirstUse: true })
      .catch((error) => error);
    expect(first).toBeInstanceOf(ApprovalRequiredError);
    expect(first.current.fingerprint).toBe(certificate.fingerprint);
    expect(await codeOf(registry.register('a', server.url, approved(next)))).toBe(
      'MCP_TLS_ALREADY_REGISTERED',
    );
    const registered = await registry.register('a', server.url, { ...again, ...approved(next) });
    expect(registered.previousFingerprint).toBe(certificate.fingerprint);
  });
});

describe('several machines behind one address', () => {
  it('are registered by naming the certificates of all, as own certificates', async () => {
    const [one, two] = [
      certificate,
      await heldCertificate({ isCa: true, dns: ['localhost'], ip: ['127.0.0.1'] }),
    ];
    const [server, registry] = [await serve(), open()];
    const trust = { ca: [one.pem, two.pem], authority: false };
    expect(await registry.register('a', server.url, { trust })).toMatchObject({
      kind: 'certificate',
    });
    for (const shown of [one, two]) {
      server.rotate(shown, { dropConnections: true });
      await expect.poll(() => asks(registry, server.url)).toBe(200);
      expect(await registry.renew('a')).toMatchObject({ changed: false });
    }
    // What the second one's key signed is none of them.
    server.rotate(await heldCertificate({ signedBy: two }), { dropConnections: true });
    await expect.poll(() => asks(registry, server.url)).toBe('MCP_TLS_UNKNOWN_ISSUER');
  });
});

describe('a policy of the operator', () => {
  it('is stored only if it trusts what the server presents', async () => {
    const [server, registry, other] = [
      await serve(),
      open(),
      await heldCertificate({ isCa: true }),
    ];
    const trust = { ca: other.pem };
    expect(await codeOf(registry.register('a', server.url, { trust }))).toBe('MCP_TLS_SELF_SIGNED');
    await registry.register('a', server.url, approved());
    expect(await codeOf(registry.update('a', { trust }))).toBe('MCP_TLS_SELF_SIGNED');
    expect(await codeOf(registry.update('a', { trust: null }))).toBe('MCP_TLS_SELF_SIGNED');
    expect(await registry.get('a')).toMatchObject({ fingerprint: certificate.fingerprint });
  });

  it('moves a server to another kind of trust, and keeps the client certificate', async () => {
    const [ca, clientCa] = [
      await heldCertificate({ isCa: true }),
      await heldCertificate({ isCa: true }),
    ];
    const leaf = await heldCertificate({ signedBy: ca });
    const mine = await heldCertificate({ signedBy: clientCa, extendedKeyUsages: ['clientAuth'] });
    const [server, registry] = [await serve({ certificate: leaf, clientCa }), open()];
    const clientCertificate = { cert: mine.pem, key: mine.keyPem };
    await registry.register('a', server.url, { ...approved(leaf), clientCertificate });
    const moved = await registry.update('a', { trust: { ca: ca.pem } });
    expect(moved).toMatchObject({
      kind: 'authority',
      fingerprint: ca.fingerprint,
      previousFingerprint: leaf.fingerprint,
      clientCertificate: { fingerprint: mine.fingerprint },
    });
    expect(await asks(registry, server.url)).toBe(200);
  });

  it('is changed for an overlapping CA without the private key again, and no stream ends', async () => {
    const usage = { extendedKeyUsages: ['clientAuth'] } as const;
    const [old, next] = [
      await heldCertificate({ isCa: true }),
      await heldCertificate({ isCa: true }),
    ];
    const [leaf, mine] = [await heldCertificate({ signedBy: old }), await heldCertificate(usage)];
    const server = await serve({
      ...{ certificate: leaf, clientCa: mine },
      onRequest: (_request, response) => {
        response.write('begun ');
        setTimeout(() => response.end('ended'), 1_500);
      },
    });
    const registry = open();
    await registry.register('a', server.url, {
      trust: { ca: old.pem, authority: true, pins: [leaf.spkiPin], maxVersion: 'TLSv1.3' },
      clientCertificate: { cert: mine.pem, key: mine.keyPem },
      ...{ serverName: 'localhost', labels: { team: 'x' } },
      expiresAt: new Date(Date.now() + 3_600_000),
    });
    const client = (await registry.clientFactory('a'))();
    const underWay = await client(server.url);
    const pins = [leaf.spkiPin, (await heldCertificate()).spkiPin];
    const trust = { ca: [old.pem, next.pem], authority: true, pins, serverName: 'localhost' };
    expect(await registry.update('a', { trust })).toMatchObject({
      ...{ kind: 'authority', serverName: 'localhost', labels: { team: 'x' }, pins },
      ...{ clientCertificate: { fingerprint: mine.fingerprint }, expiresAt: expect.any(Date) },
    });
    expect(await underWay.text()).toBe('begun ended');
    expect(await registry.update('a', { serverName: '127.0.0.1' })).toMatchObject({
      ...{ serverName: '127.0.0.1', pins },
      clientCertificate: { fingerprint: mine.fingerprint },
    });
    expect(await codeOf(registry.update('a', { serverName: 'b.example' }))).toBe(
      'MCP_TLS_NAME_MISMATCH',
    );
  });

  it('is refused where it is undefined: an unset variable is no trust on first use', async () => {
    const [server, registry] = [await serve(), open()];
    const options = { trust: undefined, trustOnFirstUse: true } as object;
    expect(await codeOf(registry.register('a', server.url, options))).toBe(
      'MCP_TLS_INVALID_ARGUMENT',
    );
  });
});

describe('a client certificate', () => {
  async function clients() {
    const clientCa = await heldCertificate({ isCa: true });
    const usage = { extendedKeyUsages: ['clientAuth'] } as const;
    const held = {
      right: await heldCertificate({ signedBy: clientCa, ...usage }),
      foreign: await heldCertificate({ signedBy: await heldCertificate({ isCa: true }), ...usage }),
      expired: await heldCertificate({
        signedBy: clientCa,
        ...usage,
        notBefore: new Date(Date.now() - 2 * 86_400_000),
        notAfter: new Date(Date.now() - 86_400_000),
      }),
    };
    const of = (one: HeldCertificate) => ({ cert: one.pem, key: one.keyPem });
    return {
      clientCa,
      right: of(held.right),
      foreign: of(held.foreign),
      expired: of(held.expired),
    };
  }

  const CASES = [
    ['none', 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'],
    ['foreign', 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED'],
    ['expired', 'MCP_TLS_INVALID_ARGUMENT'],
    ['right', 'stored'],
  ] as const;

  async function outcome(
    url: string,
    which: (typeof CASES)[number][0],
    all: Awaited<ReturnType<typeof clients>>,
  ) {
    const registry = open();
    const given = which === 'none' ? {} : { clientCertificate: all[which] };
    return codeOf(registry.register('a', url, { ...approved(), ...given }).then(() => 'stored'));
  }

  it.each(CASES)('%s, at a Node.js server that requires one: %s', async (which, expected) => {
    const all = await clients();
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      // Not the kit's: one that closes without a word, as https.createServer does.
      const server: Server = createServer(
        {
          ...{ key: certificate.keyPem, cert: certificate.pem },
          ...{ ca: all.clientCa.pem, requestCert: true, rejectUnauthorized: true },
          ...{ minVersion: version, maxVersion: version },
        },
        (_request, response) => void response.end('ok'),
      );
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      cleanups.push(async () => server.close());
      const { port } = server.address() as { port: number };
      expect(await outcome(`https://127.0.0.1:${port}/mcp`, which, all)).toBe(expected);
      server.closeAllConnections();
    }
  });

  it.each(CASES)('%s, at nginx: %s', async (which, expected) => {
    const all = await clients();
    await using nginx = await startNginx({ certificate, clientCa: all.clientCa });
    // nginx completes the handshake and answers 400. Without a client certificate, nothing is sent to see it.
    const seen = which === 'none' ? 'stored' : expected;
    expect(await outcome(`${nginx.url}/mcp`, which, all)).toBe(seen);
  });
});

describe('a check of a server behind nginx', () => {
  it.each([
    ['none', 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED'],
    ['foreign', 'MCP_TLS_CLIENT_CERTIFICATE_REFUSED'],
  ])('says of a client certificate (%s): %s', async (which, code) => {
    const clientCa = await heldCertificate({ isCa: true });
    const foreign = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    await using nginx = await startNginx({ certificate, clientCa });
    const store = memoryStore();
    const shown = { clientCertificate: { cert: foreign.pem, key: foreign.keyPem } };
    const trust = { ca: certificate.pem, ...(which === 'foreign' && shown) };
    await store.set('a', { url: `${nginx.url}/mcp`, trust });
    const found = await open({ store }).check('a');
    expect(found).toMatchObject({ ok: false, reachable: true, trusted: true, code });
  });
});

describe('allowAddress', () => {
  it('judges host and port: a port that was refused once says nothing about another', async () => {
    const server = await serve();
    const registry = open({
      lookup: (_host, _options, callback) => callback(null, [{ address: '127.0.0.1', family: 4 }]),
      allowAddress: (_address, { port }) => port === server.port,
    });
    const url = server.urlFor('localhost', '/mcp');
    await registry.register('a', url, approved());
    const client = (await registry.clientFactory('a'))();
    expect((await client(url)).status).toBe(200);
    // What a hostile server names, on the same host.
    expect(await codeOf(client('https://localhost:22/x'))).toBe('MCP_TLS_ADDRESS_REFUSED');
    server.dropConnections();
    await expect.poll(() => codeOf(client(url).then(({ status }) => status))).toBe(200);
    expect(await codeOf(registry.renew('a').then(({ changed }) => changed))).toBe(false);
  });
});
