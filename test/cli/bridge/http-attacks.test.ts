import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpBridge, startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import {
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../../src/testing/index.js';
import { eventually } from '../../support/waiting.js';
import { rawRequest, statusOf } from '../support/raw-request.js';

/** The http bridge on loopback, as other programs, other users and web pages of the machine may use it. */

let server: TlsServer;
let bridge: HttpBridge;
let answer: RequestHandler;
const reports: string[] = [];

beforeEach(async () => {
  const certificate = await heldCertificate();
  answer = (_, response) => void response.end('{"ok":true}');
  server = await startTlsServer({ certificate, onRequest: (i, o) => answer(i, o) });
  bridge = await startHttpBridge({
    url: `${server.url}/mcp?key=SECRET`,
    trust: certificate.pem,
    headers: { 'x-api-key': 'CONFIGURED' },
    allowedOrigins: ['http://page.example:6274'],
    stallMs: 300,
    headMs: 3_000,
    report: (line) => reports.push(line),
  });
});
afterEach(async () => {
  await bridge.close();
  await server.close();
});

const asks = (
  { method = 'GET', target = `/${bridge.token}/mcp`, version = '1.1' } = {},
  headers: readonly string[] = [`host: 127.0.0.1:${bridge.port}`],
): string =>
  [`${method} ${target} HTTP/${version}`, ...headers, 'connection: close', '', ''].join('\r\n');

/** What the bridge answers, having asked the server nothing. */
async function refused(bytes: string): Promise<number> {
  const text = await rawRequest(bridge.port, bytes);
  expect(server.records.requests).toEqual([]);
  return statusOf(text);
}

describe('who may use the http bridge', () => {
  const HOST = () => `host: 127.0.0.1:${bridge.port}`;

  it('lets a program with the token through, by each name of this machine', async () => {
    for (const name of ['127.0.0.1', 'localhost', 'LOCALHOST', '[::1]']) {
      const text = await rawRequest(bridge.port, asks({}, [`host: ${name}:${bridge.port}`]));
      expect(statusOf(text), name).toBe(200);
    }
  });

  it.each([
    'evil.example',
    'evil.example:PORT',
    '127.0.0.1',
    '127.0.0.1:1',
    '127.0.0.1.evil.example:PORT',
    '0.0.0.0:PORT',
    '127.0.0.2:PORT',
    'localhost.:PORT',
    'user@127.0.0.1:PORT',
    '127.0.0.1:PORT, evil.example',
  ])('refuses the Host %s', async (host) => {
    const named = host.replace('PORT', String(bridge.port));
    expect(await refused(asks({}, [`host: ${named}`]))).toBe(403);
  });

  it('refuses no Host, two Hosts, and HTTP/1.0 without one', async () => {
    expect(await refused(asks({}, []))).toBe(400);
    expect(await refused(asks({}, [HOST(), HOST()]))).toBe(400);
    expect(await refused(asks({}, [HOST(), 'host: evil.example']))).toBe(400);
    expect(await refused(asks({ version: '1.0' }, []))).toBe(400);
  });

  it.each([
    'https://evil.example',
    'null',
    '',
    'http://127.0.0.1',
    'http://127.0.0.1:1',
    'https://127.0.0.1:PORT',
    'http://localhost:PORT.evil.example',
    'http://PAGE.example:6274',
    'http://page.example:6274/',
  ])('refuses the Origin %j', async (origin) => {
    const named = origin.replace('PORT', String(bridge.port));
    expect(await refused(asks({}, [HOST(), `origin: ${named}`]))).toBe(403);
  });

  it('lets pages of its own origin and of an allowed one through, and says so to the browser', async () => {
    const own = await rawRequest(
      bridge.port,
      asks({}, [HOST(), `origin: http://localhost:${bridge.port}`]),
    );
    expect(statusOf(own)).toBe(200);
    expect(own).not.toMatch(/access-control/i);
    const page = await rawRequest(
      bridge.port,
      asks({}, [HOST(), 'origin: http://page.example:6274']),
    );
    expect(statusOf(page)).toBe(200);
    expect(page).toMatch(/access-control-allow-origin: http:\/\/page\.example:6274/);
    const preflight = asks({ method: 'OPTIONS', target: '/mcp' }, [
      HOST(),
      'origin: http://page.example:6274',
      'access-control-request-method: POST',
    ]);
    server.clearRecords();
    expect(await refused(preflight)).toBe(204);
  });

  it('refuses no token, a wrong one, a part of it, and more than it', async () => {
    const { token } = bridge;
    const targets = [
      '/mcp',
      '/',
      '//mcp',
      `/${'x'.repeat(token.length)}/mcp`,
      `/${token.slice(0, -1)}/mcp`,
      `/${token.slice(1)}/mcp`,
      `/${token}x/mcp`,
      `/${token.toLowerCase()}/mcp`,
      `/x/${token}/mcp`,
      `/mcp?token=${token}`,
      `/.well-known/oauth-protected-resource/mcp`,
    ];
    for (const target of targets) {
      const status = await refused(asks({ target }));
      expect([400, 401], target).toContain(status);
    }
    for (const given of ['', 'x', token.slice(0, -1), `${token},${token}`]) {
      const status = await refused(asks({ target: '/mcp' }, [HOST(), `mcp-tls-token: ${given}`]));
      expect(status, given).toBe(401);
    }
  });

  it.each([
    ['another path', '/TOKEN/admin', 404],
    ['the root of the server', '/TOKEN/', 404],
    ['nothing behind the token', '/TOKEN', 404],
    ['a path that only begins alike', '/TOKEN/mcpx', 404],
    ['`..`', '/TOKEN/mcp/../admin', 400],
    ['`..` at its end', '/TOKEN/mcp/..', 400],
    ['`..` in front of the token', '/x/../TOKEN/mcp', 400],
    ['`%2e%2e`', '/TOKEN/mcp/%2e%2e/admin', 400],
    ['`.%2E`', '/TOKEN/mcp/.%2E/admin', 400],
    ['an encoded slash', '/TOKEN/mcp%2fadmin', 400],
    ['a backslash', '/TOKEN/mcp\\..\\admin', 400],
    ['an encoded backslash', '/TOKEN/mcp%5c..%5cadmin', 400],
    ['a fragment', '/TOKEN/mcp#x', 400],
    ['a zero byte', '/TOKEN/mcp%00', 400],
    ['`..` with a parameter', '/TOKEN/mcp/..;/admin', 400],
    ['`.` and `..` with parameters', '/TOKEN/mcp/.;x/..;x/admin', 400],
    ['`..` with an encoded parameter', '/TOKEN/mcp/..%3b/admin', 400],
    ['`..` with a space', '/TOKEN/mcp/..%20/admin', 400],
    ['`..` with a byte that is no text', '/TOKEN/mcp/..%ff/admin', 400],
    ['`..` with a tab', '/TOKEN/mcp/..%09/admin', 400],
    ['a tab', '/TOKEN/mcp/x%09', 400],
    ['`..` that is encoded twice', '/TOKEN/mcp/%252e%252e/admin', 400],
    ['a slash that is encoded twice', '/TOKEN/mcp/x%252fadmin', 400],
    ['a backslash that is encoded twice', '/TOKEN/mcp/x%255Cadmin', 400],
    ['a percent sign that is encoded thrice', '/TOKEN/mcp/x%25252fadmin', 400],
    ['dots in too many bytes', '/TOKEN/mcp/%c0%ae%c0%ae/admin', 400],
    ['a slash in too many bytes', '/TOKEN/mcp/x%C1%9cadmin', 400],
    ['an escape that is none', '/TOKEN/mcp/x%u2215admin', 400],
    ['two slashes', '/TOKEN/mcp//admin', 400],
    ['two slashes behind the token', '/TOKEN//mcp', 400],
    ['a well-known part within', '/TOKEN/admin/.well-known/openid-configuration/x', 404],
    ['an absolute form of the server', 'https://127.0.0.1/TOKEN/mcp', 400],
    ['an absolute form of another server', 'http://evil.example/TOKEN/mcp', 400],
    ['two slashes in front', '//evil.example/TOKEN/mcp', 400],
    ['an asterisk', '*', 400],
  ])('refuses a target with %s', async (_, target, status) => {
    expect(await refused(asks({ target: target.replace('TOKEN', bridge.token) }))).toBe(status);
  });

  it('carries no other methods, makes no tunnel and upgrades nothing', async () => {
    for (const method of ['PUT', 'PATCH', 'TRACE', 'HEAD', 'OPTIONS']) {
      expect(await refused(asks({ method })), method).toBe(405);
    }
    expect(
      await rawRequest(bridge.port, asks({ method: 'CONNECT', target: 'evil.example:443' })),
    ).toBe('');
    const upgrade = [
      HOST(),
      'upgrade: websocket',
      'sec-websocket-key: x',
      'sec-websocket-version: 13',
    ];
    const text = await rawRequest(bridge.port, asks({}, upgrade));
    expect(statusOf(text)).toBe(200);
    expect(Object.keys(server.records.requests[0]?.headers ?? {})).not.toContain('upgrade');
  });

  it('refuses what two parsers could read in two ways', async () => {
    const post = { method: 'POST' };
    const bodies: [readonly string[], string][] = [
      [['content-length: 5', 'content-length: 6'], 'hello!'],
      [['content-length: 5', 'transfer-encoding: chunked'], '0\r\n\r\n'],
      [['transfer-encoding: chunked, identity'], '0\r\n\r\n'],
      [['transfer-encoding: xchunked'], '0\r\n\r\n'],
      [['transfer-encoding: gzip, chunked'], '0\r\n\r\n'],
      [['transfer-encoding: chunked, chunked'], '0\r\n\r\n'],
      [['content-length: +5'], 'hello'],
      [['content-length : 5'], 'hello'],
      [['x: a\nx-smuggled: b'], ''],
    ];
    for (const [headers, body] of bodies) {
      const status = await refused(asks(post, [HOST(), ...headers]) + body);
      expect([400, 501], headers[0]).toContain(status);
    }
  });

  it('refuses a coding of the body other than chunks, of any method', async () => {
    for (const method of ['GET', 'POST', 'DELETE']) {
      for (const coding of ['identity', 'gzip', 'gzip, chunked', 'xchunked']) {
        const head = asks({ method }, [HOST(), `transfer-encoding: ${coding}`]);
        const status = await refused(`${head}0\r\n\r\n`);
        expect([400, 501], `${method} ${coding}`).toContain(status);
      }
    }
  });

  it('refuses huge headers', async () => {
    expect(await refused(asks({}, [HOST(), `x-large: ${'x'.repeat(100_000)}`]))).toBe(431);
  });

  it('gives no token away, in no answer and no line for people', async () => {
    const text = await rawRequest(bridge.port, asks({ target: `/${bridge.token}/admin` }));
    await rawRequest(bridge.port, asks({ target: '/mcp' }));
    expect(text + reports.join('')).not.toContain(bridge.token);
  });
});

describe('what the http bridge carries', () => {
  it('leaves behind what belongs to other programs of this machine, and adds its own', async () => {
    await rawRequest(
      bridge.port,
      asks({ target: `/${bridge.token}/mcp?x=1` }, [
        `host: 127.0.0.1:${bridge.port}`,
        'cookie: other=app',
        `referer: ${bridge.url}`,
        `mcp-tls-token: ${bridge.token}`,
        'x-api-key: of the client',
        'authorization: Bearer of-the-client',
        'x-forwarded-for: 1.2.3.4',
        'connection: keep-alive, x-hop',
        'connection: x-jump',
        'x-hop: 1',
        'x-jump: 1',
        'mcp-session-id: s',
      ]),
    );
    const [request] = server.records.requests;
    expect(request?.url).toBe('/mcp?key=SECRET&x=1');
    expect(request?.headers).toMatchObject({
      host: `127.0.0.1:${server.port}`,
      'x-api-key': 'CONFIGURED',
      authorization: 'Bearer of-the-client',
      'mcp-session-id': 's',
    });
    expect(JSON.stringify(request)).not.toContain(bridge.token);
    for (const name of ['cookie', 'referer', 'x-forwarded-for', 'x-hop', 'x-jump', 'origin']) {
      expect(request?.headers[name], name).toBe(undefined);
    }
  });

  it('brings no cookies, rules for browsers or connection headers along', async () => {
    answer = (_, response) => {
      response.setHeader('set-cookie', 'a=b');
      response.setHeader('access-control-allow-origin', '*');
      response.setHeader('clear-site-data', '"*"');
      response.setHeader('keep-alive', 'timeout=99');
      response.setHeader('mcp-session-id', 's');
      response.end('{}');
    };
    const text = await rawRequest(bridge.port, asks());
    expect(text).toContain('mcp-session-id: s');
    expect(text).not.toMatch(/set-cookie|access-control|clear-site-data|timeout=99/i);
  });

  it('hands each piece of a stream on when it comes', async () => {
    let write = (_: string): void => {};
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      write = (text) => void response.write(text);
    };
    const socket = connect(bridge.port, '127.0.0.1', () => socket.write(asks()));
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await eventually(() => expect(text).toContain('text/event-stream'));
    write('data: 1\n\n');
    await eventually(() => expect(text).toContain('data: 1'));
    write(': still there\n\n');
    await eventually(() => expect(text).toContain('still there'));
    socket.destroy();
    await eventually(() => expect(server.openConnections).toBe(0));
  });

  it('breaks off where the server breaks off, and does not end as if it were whole', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      setTimeout(() => response.destroy(), 50);
    };
    const text = await rawRequest(bridge.port, asks());
    expect(text).toContain('data: 1');
    expect(text).not.toMatch(/\r\n0\r\n/);
  });

  it('ends where the server ends', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: 1\n\n');
    };
    expect(await rawRequest(bridge.port, asks())).toMatch(/data: 1[\s\S]*\r\n0\r\n/);
  });

  it('holds the server up for a client that does not read, and then ends the request', async () => {
    let written = 0;
    let closed = false;
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/octet-stream' });
      response.on('close', () => {
        closed = true;
      });
      const more = (): void => {
        while (written < 500_000_000 && !response.destroyed) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', more);
        }
      };
      more();
    };
    const socket = connect(bridge.port, '127.0.0.1', () => socket.write(asks()));
    socket.pause();
    socket.on('error', () => {});
    await eventually(() => expect(closed).toBe(true));
    expect(written).toBeLessThan(100_000_000);
    socket.destroy();
  });

  it('ends a connection whose head does not come', async () => {
    const text = await rawRequest(bridge.port, 'GET / HTTP/1.1\r\nhost: ');
    expect(statusOf(text)).toBe(408);
  });

  it('takes a client with a request where 600 connections say nothing', async () => {
    const sockets = Array.from({ length: 600 }, () => {
      const socket = connect(bridge.port, '127.0.0.1');
      socket.on('error', () => {});
      socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nhost: '));
      return socket;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(statusOf(await rawRequest(bridge.port, asks()))).toBe(200);
    for (const socket of sockets) socket.destroy();
  });

  it('ends the request at the server when the client hangs up', async () => {
    let closed = false;
    answer = (_, response) =>
      void response.on('close', () => {
        closed = true;
      });
    const socket = connect(bridge.port, '127.0.0.1', () => socket.write(asks()));
    await eventually(() => expect(server.records.requests.length).toBe(1));
    socket.destroy();
    await eventually(() => expect(closed).toBe(true));
  });
});

describe('startHttpBridge', () => {
  const start = (more: object) =>
    startHttpBridge({ url: 'https://127.0.0.1:1/mcp', trust: null, ...more });

  it.each([
    [{ host: '0.0.0.0' }],
    [{ host: '::' }],
    [{ host: 'localhost' }],
    [{ token: 'short' }],
    [{ token: 'with/a/slash/in/the/token' }],
    [{ token: '' }],
    [{ allowedOrigins: ['*'] }],
    [{ allowedOrigins: ['http://x/'] }],
    [{ url: 'http://127.0.0.1:1/mcp' }],
    [{ url: 'https://user:secret@127.0.0.1:1/mcp' }],
    [{ trust: undefined }],
  ])('refuses %j', async (more) => {
    const error = await start(more).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect(String(error)).not.toContain('secret');
  });

  it('listens on loopback of IPv6 too', async () => {
    const bridge6 = await start({ host: '::1' });
    expect(bridge6.url).toMatch(/^http:\/\/\[::1\]:\d+\//);
    expect((await fetch(bridge6.url)).status).toBe(502);
    await bridge6.close();
  });
});
