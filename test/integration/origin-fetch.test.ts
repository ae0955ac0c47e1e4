import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  checkTrust,
  createCertificateStore,
  explainTlsError,
  formatError,
  type OriginFetch,
  type OriginFetchOptions,
  type OtherFetch,
  originFetch,
  type TrustInput,
  type TrustOfOrigin,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startMcpServer,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { startProxy } from '../support/start-proxy.js';

let certificate: HeldCertificate;
let other: HeldCertificate;
const opened: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  [certificate, other] = [await heldCertificate(), await heldCertificate()];
});
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

async function serve(of: HeldCertificate, onRequest?: RequestHandler): Promise<TlsServer> {
  const server = await startTlsServer({ certificate: of, ...(onRequest && { onRequest }) });
  opened.push(server);
  return server;
}

function fetchFor(trustOf: TrustOfOrigin, ...more: unknown[]): OriginFetch {
  const made = originFetch(trustOf, ...(more as [OtherFetch]));
  opened.push(made);
  return made;
}

/** Look-ups that are answered by hand, and the requests that went on without a policy. */
function slowLookUps() {
  const answers: ((trust: TrustInput | undefined) => void)[] = [];
  let fallen = 0;
  const hostFetch = fetchFor(
    () => new Promise((resolve) => answers.push(resolve)),
    async () => {
      fallen += 1;
      return new Response('without');
    },
  );
  return { hostFetch, answers, fallen: () => fallen };
}

const originOf = (server: TlsServer) => new URL(server.url).origin;

/** Says `ok`, or the code of our error. */
async function outcome(answer: Promise<Response>): Promise<string> {
  try {
    await (await answer).text();
    return 'ok';
  } catch (error) {
    return explainTlsError(error)?.code ?? String(error);
  }
}

/** As of a database. */
class Row {
  #ca: string;
  constructor(ca: string) {
    this.#ca = ca;
  }
  get ca(): string {
    return this.#ca;
  }
  set ca(ca: string) {
    this.#ca = ca;
  }
}

/** A stream that does not end. */
const endless: RequestHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: 1\n\n');
};

describe('originFetch', () => {
  it('judges each origin by its own policy, and an impostor gets nothing', async () => {
    const [one, two, impostor] = [await serve(certificate), await serve(other), await serve(other)];
    const trusts: Record<string, TrustInput> = {
      [originOf(one)]: certificate.pem,
      [originOf(two)]: { identity: 'pin', pins: other.spkiPin },
      [originOf(impostor)]: certificate.pem,
    };
    const hostFetch = fetchFor((origin) => trusts[origin]);
    expect(await outcome(hostFetch(one.url))).toBe('ok');
    expect(await outcome(hostFetch(new URL(two.url)))).toBe('ok');
    expect(await outcome(hostFetch(new Request(one.url, { method: 'POST', body: 'x' })))).toBe(
      'ok',
    );
    expect(await outcome(hostFetch(impostor.url))).toBe('MCP_TLS_SELF_SIGNED');
    expect(impostor.records.applicationBytes).toBe(0);
  });

  it('leaves http:, other schemes and origins without a policy to the other fetch', async () => {
    const asked: string[] = [];
    const seen: unknown[] = [];
    const otherwise: OtherFetch = async (input, init) => {
      seen.push([input instanceof Request ? input.url : input, init]);
      return new Response('other');
    };
    const hostFetch = fetchFor((origin) => {
      asked.push(origin);
      return undefined;
    }, otherwise);
    const init = { method: 'POST', body: 'x' };
    for (const url of ['http://127.0.0.1/a', 'https://127.0.0.1:9/b', 'data:,c', 'no url']) {
      expect(await (await hostFetch(url, init)).text()).toBe('other');
    }
    await hostFetch(new Request('https://127.0.0.1:9/d'));
    expect(asked).toEqual(['https://127.0.0.1:9', 'https://127.0.0.1:9']);
    expect(seen).toEqual([
      ['http://127.0.0.1/a', init],
      ['https://127.0.0.1:9/b', init],
      ['data:,c', init],
      ['no url', init],
      ['https://127.0.0.1:9/d', undefined],
    ]);
  });

  it('goes by the global fetch of the moment where none is given', async () => {
    const plain = createServer((_request, response) => response.end('plain'));
    await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(plain.address() as AddressInfo).port}`;
    const hostFetch = fetchFor(() => undefined);
    expect(await (await hostFetch(url)).text()).toBe('plain');
    plain.closeAllConnections();
    plain.close();
  });

  it('rejects a request whose trust cannot be looked up, and never falls through', async () => {
    const server = await serve(certificate);
    let fellThrough = 0;
    const otherwise: OtherFetch = async () => {
      fellThrough += 1;
      return new Response();
    };
    const bad: TrustOfOrigin[] = [
      () => {
        throw new Error('sesame');
      },
      async () => {
        throw new Error('sesame');
      },
      () => '' as never,
      () => false as never,
      () => ({}) as never,
      () => ({ ca: certificate.pem, pin: 'x' }) as never,
      () => ({ ca: undefined, roots: 'default' }) as never,
      () => 0 as never,
    ];
    for (const trustOf of bad) {
      const error = await fetchFor(trustOf, otherwise)(server.url).catch((reason) => reason);
      expect(error).toBeInstanceOf(TypeError);
      expect(explainTlsError(error)?.name).toBe('TlsConfigError');
      expect(formatError(error)).not.toContain('sesame');
    }
    expect(fellThrough).toBe(0);
    expect(server.records.connections).toBe(0);
  });

  it('shares connections while the trust says the same, also as a new object each time', async () => {
    const server = await serve(certificate);
    const pem = certificate.pem;
    const policies: (() => TrustInput)[] = [
      () => JSON.parse(JSON.stringify({ ca: pem, serverName: '127.0.0.1' })),
      () => ({ serverName: '127.0.0.1', ca: pem }),
    ];
    let n = 0;
    const hostFetch = fetchFor(() => policies[n++ % 2]?.());
    for (let i = 0; i < 6; i++) expect(await outcome(hostFetch(server.url))).toBe('ok');
    expect(server.records.connections).toBe(1);
  });

  it('keeps what runs where equal trust comes as another object or in other words', async () => {
    const server = await serve(certificate, endless);
    const { pem: ca, keyPem: key } = certificate;
    const keys = [{ id: 'k', key: randomBytes(32) }];
    const store = createCertificateStore({
      ...{ keys, storage: 'memory', whenEmpty: 'create' },
      cache: { ttlMs: 0 },
    });
    opened.push(store);
    // The same object for as long as the record is not written again.
    const approvedAnew = async () => {
      await store.set('one', { url: server.url, trust: { ca, authority: false } });
      return store.trust('one');
    };
    expect(await approvedAnew()).not.toBe(await approvedAnew());
    const clientCertificate = { cert: ca, key };
    const all: TrustOfOrigin[][] = [
      [
        () => ca,
        () => ({ ca: `# weather\n${ca}` }),
        () => checkTrust(ca),
        () => checkTrust({ ca: Buffer.from(ca) }),
      ],
      [approvedAnew, approvedAnew],
      [
        () => ({ ca, clientCertificate }),
        () => checkTrust({ ca, clientCertificate }),
        () => checkTrust({ ca, clientCertificate }),
      ],
    ];
    for (const same of all) {
      let trustOf = same[0];
      const hostFetch = fetchFor((origin) => trustOf?.(origin));
      const stream = await hostFetch(server.url);
      const reader = stream.body?.getReader();
      await reader?.read();
      for (trustOf of same) {
        await hostFetch.refresh();
        await (await hostFetch(server.url)).body?.cancel();
      }
      const ended = reader?.read().then(
        () => 'read',
        () => 'ended',
      );
      expect(await Promise.race([ended, sleep(50, 'runs')])).toBe('runs');
      trustOf = () => other.pem;
      await hostFetch.refresh();
      expect(await ended).toBe('ended');
    }
  });

  it.each<[string, (ca: string) => object]>([
    ['inherited', (ca) => Object.create(Object.assign(Object.create(null), { ca }))],
    ['hidden', (ca) => Object.defineProperty({}, 'ca', { value: ca })],
    ['a getter of one class', (ca) => new Row(ca)],
  ])('notices that trust changed, where its field is %s', async (_, make) => {
    const server = await serve(certificate);
    let trust = make(certificate.pem);
    const hostFetch = fetchFor(() => trust as TrustInput);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    trust = make(other.pem);
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
  });

  it('notices that trust behind getters was changed in place', async () => {
    const server = await serve(certificate);
    const row = new Row(certificate.pem);
    const hostFetch = fetchFor(() => row as TrustInput);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    row.ca = other.pem;
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
    const inherited = Object.assign(Object.create(null), { ca: certificate.pem });
    const trust = Object.create(inherited);
    const second = fetchFor(() => trust);
    expect(await outcome(second(server.url))).toBe('ok');
    inherited.pins = other.spkiPin;
    expect(await outcome(second(server.url))).toBe('MCP_TLS_PIN_MISMATCH');
  });

  it('holds to a reloaded configuration at the next request, also one changed in place', async () => {
    const server = await serve(certificate);
    const policy = { ca: certificate.pem };
    const hostFetch = fetchFor(() => policy);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    policy.ca = other.pem;
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
    policy.ca = certificate.pem;
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    const bytes = Buffer.from(certificate.pem);
    Object.assign(policy, { ca: bytes });
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    bytes.fill(' ');
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_INVALID_CERTIFICATE');
  });

  it.each([
    ['replaced', (): TrustInput | undefined => other.pem],
    ['withdrawn', () => undefined],
    ['replaced by what is none', () => ({}) as never],
  ])('ends what runs under trust that was %s', async (_, next) => {
    const server = await serve(certificate, endless);
    let trust: TrustInput | undefined = certificate.pem;
    const hostFetch = fetchFor(
      () => trust,
      async () => new Response(),
    );
    const stream = outcome(hostFetch(server.url));
    await expect.poll(() => server.records.requests.length).toBe(1);
    trust = next();
    await hostFetch(server.url).catch(() => {});
    expect(await stream).toBe('MCP_TLS_CLOSED');
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('ends it without a request, too, when it is asked to refresh', async () => {
    const [server, kept] = [await serve(certificate, endless), await serve(certificate)];
    const trusts = new Map<string, TrustInput>([
      [originOf(server), certificate.pem],
      [originOf(kept), certificate.pem],
    ]);
    const hostFetch = fetchFor((origin) => trusts.get(origin));
    const stream = outcome(hostFetch(server.url));
    expect(await outcome(hostFetch(kept.url))).toBe('ok');
    await expect.poll(() => server.records.requests.length).toBe(1);
    trusts.delete(originOf(server));
    await hostFetch.refresh();
    expect(await stream).toBe('MCP_TLS_CLOSED');
    expect(await outcome(hostFetch(kept.url))).toBe('ok');
    expect(kept.records.connections).toBe(1);
  });

  it('is not brought back to old trust by a slow answer from before', async () => {
    const server = await serve(certificate);
    const answers: ((trust: TrustInput | undefined) => void)[] = [];
    const hostFetch = fetchFor(() => new Promise((resolve) => answers.push(resolve)));
    const first = outcome(hostFetch(server.url));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(other.pem);
    expect(await second).toBe('MCP_TLS_SELF_SIGNED');
    answers[0]?.(certificate.pem);
    expect(await first).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
  });

  it.each([
    ['trust that is none', () => 0 as never, 'MCP_TLS_INVALID_ARGUMENT'],
    ['trust with a mistake in it', () => ({ ca: 'x' }), 'MCP_TLS_INVALID_CERTIFICATE'],
    ['that there is no policy', () => undefined, 'MCP_TLS_CLOSED'],
  ])('sends nothing without a policy, where a later look-up found %s', async (_, later, code) => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const first = outcome(hostFetch(server.url, { headers: { authorization: 'Bearer sesame' } }));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(later());
    await second;
    answers[0]?.(certificate.pem);
    expect(await first).toBe(code);
    expect(fallen()).toBe(code === 'MCP_TLS_CLOSED' ? 1 : 0);
    expect(server.records.connections).toBe(0);
  });

  it('sends nothing without a policy, where a refresh met a mistake meanwhile', async () => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const connected = outcome(hostFetch(server.url));
    answers[0]?.(certificate.pem);
    expect(await connected).toBe('ok');
    const request = outcome(hostFetch(server.url));
    const refreshed = hostFetch.refresh();
    answers[2]?.({ roots: 'default', pins: '' });
    await expect(refreshed).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    answers[1]?.(certificate.pem);
    expect(await request).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect([fallen(), server.records.requests.length]).toEqual([0, 1]);
    const next = outcome(hostFetch(server.url));
    answers[3]?.(certificate.pem);
    expect(await next).toBe('ok');
  });

  it.each([
    ['a policy', () => certificate.pem, 'ok'],
    ['a mistake', () => 0 as never, 'MCP_TLS_INVALID_ARGUMENT'],
  ])('holds to %s that was found later than that there is none', async (_, later, result) => {
    const server = await serve(certificate);
    const { hostFetch, answers, fallen } = slowLookUps();
    const first = outcome(hostFetch(server.url));
    const second = outcome(hostFetch(server.url));
    answers[1]?.(later());
    expect(await second).toBe(result);
    answers[0]?.(undefined);
    expect(await first).toBe(result);
    expect(fallen()).toBe(0);
  });

  it('waits for a look-up no longer than for the request', async () => {
    const server = await serve(certificate);
    const hostFetch = fetchFor(() => new Promise<undefined>(() => {}));
    const reason = new Error('enough');
    const aborting = new AbortController();
    const aborted = hostFetch(server.url, { signal: aborting.signal });
    aborting.abort(reason);
    await expect(aborted).rejects.toBe(reason);
    const closed = outcome(hostFetch(server.url));
    await hostFetch.close();
    expect(await closed).toBe('MCP_TLS_CLOSED');
  });

  it('counts the look-up as part of the request, for totalMs', async () => {
    const server = await serve(certificate, async (_request, response) => {
      await sleep(300);
      response.end('ok');
    });
    const options = { timeout: { totalMs: 400 } };
    const hanging = fetchFor(() => new Promise(() => {}), undefined, options);
    const late = await hanging(server.url).catch((reason) => reason);
    expect(explainTlsError(late)?.code).toBe('MCP_TLS_TIMEOUT');
    expect(explainTlsError(late)?.message).toContain('trust function did not answer within 400 ms');
    const trustOf = async () => {
      await sleep(250);
      return certificate.pem;
    };
    const slow = fetchFor(trustOf, undefined, options);
    expect(await outcome(slow(server.url))).toBe('MCP_TLS_TIMEOUT');
    const quick = fetchFor(() => certificate.pem, undefined, options);
    expect(await outcome(quick(server.url))).toBe('ok');
  });

  it('lets a request without a policy, and a standing stream, go on after totalMs', async () => {
    const server = await serve(certificate, endless);
    const options = { timeout: { totalMs: 150 } };
    let signal: AbortSignal | undefined;
    const otherwise: OtherFetch = async (_input, init) => {
      signal = init?.signal ?? undefined;
      await sleep(250);
      return new Response('other');
    };
    const without = fetchFor(async () => undefined, otherwise, options);
    expect(await outcome(without(server.url))).toBe('ok');
    expect(signal).toBeUndefined();
    const hostFetch = fetchFor(async () => certificate.pem, undefined, options);
    const headers = { accept: 'text/event-stream' };
    const reader = (await hostFetch(server.url, { headers })).body?.getReader();
    await reader?.read();
    const next = reader?.read().catch(() => {});
    expect(await Promise.race([next, sleep(250, 'runs')])).toBe('runs');
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_TIMEOUT');
  });

  it('sends a Request of a foreign kind to the URL that it had', async () => {
    const [one, two] = [await serve(certificate), await serve(certificate)];
    const foreign = (url: string) => ({ url, method: 'GET', headers: new Headers(), body: null });
    const seen: unknown[] = [];
    const otherwise: OtherFetch = async (input) => {
      seen.push(input);
      return new Response();
    };
    const hostFetch = fetchFor(async (origin) => {
      await sleep(1);
      return origin === originOf(one) ? certificate.pem : undefined;
    }, otherwise);
    const under = foreign(`${one.url}/a`);
    const answer = outcome(hostFetch(under as never));
    under.url = `${two.url}/b`;
    expect(await answer).toBe('ok');
    expect([one.records.requests.length, two.records.connections]).toEqual([1, 0]);
    const without = foreign(two.url);
    const rejected = outcome(hostFetch(without as never));
    without.url = one.url;
    expect(await rejected).toBe('MCP_TLS_INVALID_ARGUMENT');
    expect(seen).toEqual([]);
  });

  it('takes the URL as it is when it is called', async () => {
    const [one, two] = [await serve(certificate), await serve(other)];
    const hostFetch = fetchFor(async (origin) => {
      await sleep(1);
      return origin === originOf(one) ? certificate.pem : undefined;
    });
    const url = new URL(one.url);
    const answer = outcome(hostFetch(url));
    url.port = new URL(two.url).port;
    expect(await answer).toBe('ok');
    expect(two.records.connections).toBe(0);
  });

  it('is closed for good', async () => {
    const server = await serve(certificate, endless);
    const hostFetch = fetchFor(() => certificate.pem);
    const stream = outcome(hostFetch(server.url));
    await expect.poll(() => server.records.requests.length).toBe(1);
    await hostFetch.close();
    expect(await stream).toBe('MCP_TLS_CLOSED');
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_CLOSED');
    expect(await outcome(hostFetch('http://127.0.0.1:9/'))).toBe('MCP_TLS_CLOSED');
    await expect.poll(() => server.openConnections).toBe(0);
  });

  it('goes through a proxy, and refuses options that are none at once', async () => {
    const server = await serve(certificate);
    await using proxy = await startProxy();
    const trustOf = () => certificate.pem;
    const hostFetch = fetchFor(trustOf, undefined, { proxy: proxy.url });
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    expect(proxy.targets).toHaveLength(1);
    expect(() => originFetch(undefined as never)).toThrow('trustOf');
    expect(() => originFetch(trustOf, null as never)).toThrow('otherwise');
    expect(() => originFetch(trustOf, undefined, { origins: {} } as never)).toThrow('origins');
    expect(() => originFetch(trustOf, undefined, { prxy: 'env' } as never)).toThrow('prxy');
  });

  it('reads its options once, when it is made', async () => {
    const server = await serve(certificate, endless);
    const trustOf = () => certificate.pem;
    const options: OriginFetchOptions = { allowAddress: () => false, timeout: { totalMs: 100 } };
    const refusing = fetchFor(trustOf, undefined, options);
    delete options.allowAddress;
    const limited = fetchFor(trustOf, undefined, options);
    Object.assign(options.timeout as object, { totalMs: 0 });
    Object.assign(options, { nonsense: 1 });
    expect(await outcome(refusing(server.url))).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(await outcome(limited(server.url))).toBe('MCP_TLS_TIMEOUT');
  });

  it('reads the environment once, when it is made', async () => {
    await using proxy = await startProxy();
    const [one, two] = [await serve(certificate), await serve(certificate)];
    vi.stubEnv('https_proxy', proxy.url);
    const hostFetch = fetchFor(() => certificate.pem, undefined, { proxy: 'env' });
    expect(await outcome(hostFetch(one.url))).toBe('ok');
    vi.unstubAllEnvs();
    expect(await outcome(hostFetch(two.url))).toBe('ok');
    expect(proxy.targets).toHaveLength(2);
  });

  it('is what an SDK transport of any host takes', async () => {
    await using server = await startMcpServer({ certificate, transport: 'streamable-http' });
    const hostFetch = fetchFor(() => certificate.pem);
    const client = new Client({ name: 'host', version: '1' });
    await client.connect(
      new StreamableHTTPClientTransport(new URL(server.mcpUrl), { fetch: hostFetch }) as never,
    );
    expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    await client.close();
    const same: typeof fetch = hostFetch;
    expect(same).toBe(hostFetch);
  });
});
