import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpBridge, startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import { heldCertificate, startTlsServer, type TlsServer } from '../../../src/testing/index.js';
import { rawRequest, statusOf } from '../support/raw-request.js';

/** The token of the http bridge stays here: nothing that a client sends takes it to the server. */

let server: TlsServer;
let bridge: HttpBridge;
let bodies: string[];

beforeEach(async () => {
  const certificate = await heldCertificate();
  bodies = [];
  server = await startTlsServer({
    certificate,
    async onRequest(request, response) {
      let text = '';
      for await (const chunk of request) text += chunk;
      bodies.push(text);
      const { url: at } = server;
      response.setHeader('content-type', 'application/json');
      if (request.url?.startsWith('/.well-known/oauth-protected-resource')) {
        response.end(JSON.stringify({ resource: `${at}/mcp`, authorization_servers: [at] }));
      } else if (request.url?.startsWith('/.well-known/oauth-authorization-server')) {
        const endpoints = {
          authorization_endpoint: `${at}/authorize`,
          token_endpoint: `${at}/token`,
        };
        response.end(JSON.stringify({ issuer: at, ...endpoints }));
      } else response.end('{}');
    },
  });
  bridge = await startHttpBridge({ url: `${server.url}/mcp`, trust: certificate.pem });
});
afterEach(async () => {
  await bridge.close();
  await server.close();
});

interface Ask {
  readonly method?: string;
  readonly name?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

function ask(target: string, { method = 'GET', name = '127.0.0.1', ...more }: Ask = {}) {
  const { headers = [], body = '' } = more;
  const length = body === '' ? [] : [`content-length: ${body.length}`];
  const host = `host: ${name}:${bridge.port}`;
  const head = [`${method} ${target} HTTP/1.1`, host, 'connection: close', ...headers, ...length];
  return rawRequest(bridge.port, [...head, '', body].join('\r\n'));
}

const FORM = 'content-type: application/x-www-form-urlencoded';
const NAMES = ['127.0.0.1', 'localhost', '[::1]'];

/** The token in the path, or as a header. */
const WAYS = [
  ['in the path', () => ({ segment: `/${bridge.token}`, headers: [] as string[] })],
  ['as a header', () => ({ segment: '', headers: [`mcp-tls-token: ${bridge.token}`] })],
] as const;

const documents = (segment: string) => `/.well-known/oauth-authorization-server${segment}`;

describe.each(WAYS)('a client of the http bridge that has its token %s', (_, way) => {
  it.each(NAMES)('means the server by each address of the bridge at %s', async (name) => {
    const { segment, headers } = way();
    await ask(documents(segment), { headers });
    for (const path of [`/${bridge.token}/mcp`, '/mcp']) {
      const resource = `http://${name}:${bridge.port}${path}`;
      const form = new URLSearchParams({ grant_type: 'x', resource }).toString();
      const more = { method: 'POST', headers: [...headers, FORM], body: form };
      expect(statusOf(await ask(`${segment}/token`, more)), path).toBe(200);
      const sent = new URLSearchParams(bodies.at(-1));
      expect(sent.get('resource'), path).toBe(`${server.url}/mcp`);
      const login = await ask(`${segment}/authorize?${form}`, { headers });
      const location = new URL(/location: (.*)\r/i.exec(login)?.[1] ?? '');
      expect(location.searchParams.get('resource'), path).toBe(`${server.url}/mcp`);
    }
    const asked = JSON.stringify([server.records.requests, bodies]);
    expect(asked).not.toContain(bridge.token);
  });

  it.each(NAMES)('reads documents that name the bridge as it did: %s', async (name) => {
    const { segment, headers } = way();
    const text = await ask(`/.well-known/oauth-protected-resource${segment}/mcp`, {
      name,
      headers,
    });
    const own = `http://${name}:${bridge.port}${segment}`;
    const json = text.slice(text.indexOf('{'), text.lastIndexOf('}') + 1);
    expect(JSON.parse(json)).toEqual({
      resource: `${own}/mcp`,
      authorization_servers: [own],
    });
  });
});

describe('the http bridge', () => {
  /** What the bridge refuses, and does not send. */
  async function refused(target: string, more: Ask = {}): Promise<number> {
    await ask(documents(`/${bridge.token}`));
    server.clearRecords();
    const text = await ask(target, more);
    expect(text).not.toContain(bridge.token);
    expect(server.records.requests).toEqual([]);
    return statusOf(text);
  }
  const at = (path: string) => `/${bridge.token}${path}`;
  const hidden = () => bridge.token.replace(/^./, (c) => `%${c.charCodeAt(0).toString(16)}`);

  it('refuses what would take its token to the server: by path, query, header or form', async () => {
    const { token } = bridge;
    expect(await refused(at(`/mcp/${token}`))).toBe(400);
    expect(await refused(at(`/mcp?x=${token}`))).toBe(400);
    expect(await refused(at(`/mcp?x=${hidden()}`))).toBe(400);
    expect(await refused(at(`/mcp?x=${encodeURIComponent(hidden())}`))).toBe(400);
    expect(await refused(at(`/authorize?state=${token}`))).toBe(400);
    expect(await refused(at('/mcp'), { headers: [`authorization: Bearer ${token}`] })).toBe(400);
    expect(await refused(at('/mcp'), { headers: [`x-url: ${bridge.url}`] })).toBe(400);
    const other = `resource=${encodeURIComponent(`http://127.0.0.1:1/${token}/mcp`)}`;
    for (const body of [other, `x=${token}`, `x=${hidden()}`]) {
      const more = { method: 'POST', headers: [FORM], body };
      expect(await refused(at('/token'), more), body).toBe(400);
      expect(await refused(at('/token'), { method: 'POST', body }), body).toBe(400);
    }
  });

  it('refuses a form that is too large to be read, or packed, at the endpoints of OAuth', async () => {
    const body = `x=${'a'.repeat(300_000)}&resource=${encodeURIComponent(bridge.url)}`;
    const post = { method: 'POST', headers: [FORM], body };
    expect(await refused(at('/token'), post)).toBe(413);
    const packed = { method: 'POST', headers: [FORM, 'content-encoding: gzip'], body: 'x' };
    expect(await refused(at('/token'), packed)).toBe(415);
  });
});
