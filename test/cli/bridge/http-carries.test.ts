import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import { eventually } from '../../support/waiting.js';
import { rawRequest, statusOf } from '../support/raw-request.js';
import { asks, behaviour, bridge, server } from './http-attacks-setup.js';

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
    behaviour.answer = (_, response) => {
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
    behaviour.answer = (_, response) => {
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
    behaviour.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      setTimeout(() => response.destroy(), 50);
    };
    const text = await rawRequest(bridge.port, asks());
    expect(text).toContain('data: 1');
    expect(text).not.toMatch(/\r\n0\r\n/);
  });

  it('ends where the server ends', async () => {
    behaviour.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('data: 1\n\n');
    };
    expect(await rawRequest(bridge.port, asks())).toMatch(/data: 1[\s\S]*\r\n0\r\n/);
  });

  it('holds the server up for a client that does not read, and then ends the request', async () => {
    let written = 0;
    let closed = false;
    behaviour.answer = (_, response) => {
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
    behaviour.answer = (_, response) =>
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
