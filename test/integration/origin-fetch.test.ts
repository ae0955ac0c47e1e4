import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  explainTlsError,
  formatError,
  type OriginFetch,
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

/** A stream that does not end. */
const endless: RequestHandler = (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.write('data: 1\n\n');
};

describe('originFetch', () => {
  it('judges each origin by its own policy, and an impostor gets nothing', async () => {
    const [one, two, impostor] = [await serve(certificate), await serve(other), await serve(other)];
    const trusts: Record<string, TrustInput> = {
      [originOf(one)]: certificate.certificatePem,
      [originOf(two)]: { identity: 'pin', pins: other.spkiPin },
      [originOf(impostor)]: certificate.certificatePem,
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
      () => ({ ca: certificate.certificatePem, pin: 'x' }) as never,
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
    const pem = certificate.certificatePem;
    const policies: (() => TrustInput)[] = [
      () => JSON.parse(JSON.stringify({ ca: pem, serverName: '127.0.0.1' })),
      () => ({ serverName: '127.0.0.1', ca: pem }),
    ];
    let n = 0;
    const hostFetch = fetchFor(() => policies[n++ % 2]?.());
    for (let i = 0; i < 6; i++) expect(await outcome(hostFetch(server.url))).toBe('ok');
    expect(server.records.connections).toBe(1);
  });

  it('holds to a reloaded configuration at the next request, also one changed in place', async () => {
    const server = await serve(certificate);
    const policy = { ca: certificate.certificatePem };
    const hostFetch = fetchFor(() => policy);
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    policy.ca = other.certificatePem;
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_SELF_SIGNED');
    policy.ca = certificate.certificatePem;
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    const bytes = Buffer.from(certificate.certificatePem);
    Object.assign(policy, { ca: bytes });
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    bytes.fill(' ');
    expect(await outcome(hostFetch(server.url))).toBe('MCP_TLS_INVALID_CERTIFICATE');
  });

  it.each([
    ['replaced', (): TrustInput | undefined => other.certificatePem],
    ['withdrawn', () => undefined],
    ['replaced by what is none', () => ({}) as never],
  ])('ends what runs under trust that was %s', async (_, next) => {
    const server = await serve(certificate, endless);
    let trust: TrustInput | undefined = certificate.certificatePem;
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
      [originOf(server), certificate.certificatePem],
      [originOf(kept), certificate.certificatePem],
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
    answers[1]?.(other.certificatePem);
    expect(await second).toBe('MCP_TLS_SELF_SIGNED');
    answers[0]?.(certificate.certificatePem);
    expect(await first).toBe('MCP_TLS_SELF_SIGNED');
    expect(server.records.applicationBytes).toBe(0);
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

  it('takes the URL as it is when it is called', async () => {
    const [one, two] = [await serve(certificate), await serve(other)];
    const hostFetch = fetchFor(async (origin) => {
      await sleep(1);
      return origin === originOf(one) ? certificate.certificatePem : undefined;
    });
    const url = new URL(one.url);
    const answer = outcome(hostFetch(url));
    url.port = new URL(two.url).port;
    expect(await answer).toBe('ok');
    expect(two.records.connections).toBe(0);
  });

  it('is closed for good', async () => {
    const server = await serve(certificate, endless);
    const hostFetch = fetchFor(() => certificate.certificatePem);
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
    const trustOf = () => certificate.certificatePem;
    const hostFetch = fetchFor(trustOf, undefined, { proxy: proxy.url });
    expect(await outcome(hostFetch(server.url))).toBe('ok');
    expect(proxy.targets).toHaveLength(1);
    expect(() => originFetch(undefined as never)).toThrow('trustOf');
    expect(() => originFetch(trustOf, null as never)).toThrow('otherwise');
    expect(() => originFetch(trustOf, undefined, { origins: {} } as never)).toThrow('origins');
    expect(() => originFetch(trustOf, undefined, { prxy: 'env' } as never)).toThrow('prxy');
  });

  it('is what an SDK transport of any host takes', async () => {
    await using server = await startMcpServer({ certificate, transport: 'streamable-http' });
    const hostFetch = fetchFor(() => certificate.certificatePem);
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
