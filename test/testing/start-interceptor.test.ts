import { describe, expect, it } from 'vitest';
import { heldCertificate, startInterceptor, startTlsServer } from '../../src/testing/index.js';
import { codeOf, get, openHandles, until } from './clients.js';

const genuine = await heldCertificate();
const foreign = await heldCertificate();
const ca = genuine.pem;

describe('startInterceptor', () => {
  it('reads and forwards where the client takes its certificate', async () => {
    await using server = await startTlsServer({
      certificate: genuine,
      onRequest: async (request, response) => {
        let body = '';
        for await (const chunk of request) body += chunk;
        response.end(`${request.url} ${body}`);
      },
    });
    await using middle = await startInterceptor(server, { certificate: foreign });
    const answer = await get(`${middle.url}/mcp?x=1`, {
      ca: foreign.pem,
      body: 'secret',
      headers: { 'x-api-key': 'k' },
    });
    expect(answer).toMatchObject({ status: 200, body: '/mcp?x=1 secret' });
    expect(middle.records.requests).toEqual([
      {
        method: 'POST',
        url: '/mcp?x=1',
        headers: expect.objectContaining({ 'x-api-key': 'k' }),
        encrypted: true,
      },
    ]);
    expect(middle.records.applicationBytes).toBe(server.records.applicationBytes);
    expect(middle.records.answerBytes).toBeGreaterThan(0);
    expect(middle.records.opaqueBytes).toBe(0);
    middle.clearRecords();
    expect(middle.records).toMatchObject({ applicationBytes: 0, answerBytes: 0, requests: [] });
  });

  it('reads every request of a connection that is kept', async () => {
    await using server = await startTlsServer({ certificate: genuine });
    await using middle = await startInterceptor(server.url, { certificate: foreign });
    const { Agent } = await import('node:https');
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (const body of ['one', 'x'.repeat(100_000), 'three']) {
      await get(middle.url, { ca: foreign.pem, agent, body });
    }
    await get(`${middle.url}/last`, { ca: foreign.pem, agent });
    agent.destroy();
    expect(middle.records.handshakes).toBe(1);
    expect(middle.records.requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'POST /',
      'POST /',
      'POST /',
      'GET /last',
    ]);
  });

  it('sees nothing of a client that refuses its certificate', async () => {
    await using server = await startTlsServer({ certificate: genuine });
    await using middle = await startInterceptor(server, { certificate: foreign });
    expect(await codeOf(get(middle.url, { ca }))).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
    await until(() => middle.openConnections === 0, 'closed');
    expect(middle.records).toMatchObject({ applicationBytes: 0, requests: [], connections: 1 });
    expect(server.records.applicationBytes).toBe(0);
  });

  it('passes bytes through without reading them', async () => {
    await using server = await startTlsServer({ certificate: genuine });
    await using middle = await startInterceptor(server, {
      certificate: foreign,
      mode: 'passthrough',
    });
    expect((await get(middle.url, { ca })).status).toBe(200);
    expect(middle.records).toMatchObject({ applicationBytes: 0, answerBytes: 0, requests: [] });
    expect(middle.records.opaqueBytes).toBeGreaterThan(500);
    expect(server.records.requests).toHaveLength(1);
    middle.switchTo('terminate');
    expect(await codeOf(get(middle.url, { ca }))).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
  });

  it('hangs up where the target does not answer, and forwards the server name', async () => {
    const server = await startTlsServer({ certificate: genuine });
    await using middle = await startInterceptor(server, { certificate: foreign });
    const url = middle.urlFor('localhost');
    expect((await get(url, { ca: foreign.pem })).status).toBe(200);
    expect([middle.records.sni, server.records.sni]).toEqual([['localhost'], ['localhost']]);
    await server.close();
    expect(await codeOf(get(url, { ca: foreign.pem }))).toBe('ECONNRESET');
  });

  it('leaves nothing open', async () => {
    const before = openHandles();
    const server = await startTlsServer({ certificate: genuine });
    const middle = await startInterceptor(server, { certificate: foreign });
    const { Agent } = await import('node:https');
    const agent = new Agent({ keepAlive: true });
    await get(middle.url, { ca: foreign.pem, agent });
    await middle.close();
    await server.close();
    agent.destroy();
    await until(() => openHandles().length <= before.length, 'all closed');
  });

  it.each([
    ['no certificate', () => startInterceptor('https://127.0.0.1:1', {} as never)],
    ['an http target', () => startInterceptor('http://127.0.0.1:1', { certificate: foreign })],
    ['no target', () => startInterceptor(undefined as never, { certificate: foreign })],
    [
      'an unknown mode',
      () => startInterceptor('https://a.example', { certificate: foreign, mode: 'x' as never }),
    ],
    [
      'an unknown option',
      () => startInterceptor('https://a.example', { certificate: foreign, key: '' } as never),
    ],
  ])('refuses %s', async (_what, start) => {
    expect(await codeOf(start())).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});
