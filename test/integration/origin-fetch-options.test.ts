import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { describe, expect, it, vi } from 'vitest';
import {
  explainTlsError,
  type OriginFetchOptions,
  type OtherFetch,
  originFetch,
} from '../../src/index.js';
import { startMcpServer } from '../../src/testing/index.js';
import { startProxy } from '../support/start-proxy.js';
import {
  certificate,
  endless,
  fetchFor,
  originOf,
  other,
  outcome,
  serve,
} from './origin-fetch-setup.js';

describe('originFetch and its options', () => {
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
