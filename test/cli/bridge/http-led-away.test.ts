import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type HttpBridge, startHttpBridge } from '../../../src/bridge/http/start-http-bridge.js';
import {
  type HeldCertificate,
  heldCertificate,
  type RequestHandler,
  startTlsServer,
  type TlsServer,
} from '../../../src/testing/index.js';
import { eventually } from '../../support/waiting.js';
import { rawRequest, statusOf } from '../support/raw-request.js';

/** Servers that lead the client of the http bridge away from it, and answers that are cut off on the way. */

let certificate: HeldCertificate;
let server: TlsServer;
let bridge: HttpBridge;
let answer: RequestHandler;
let reports: string[];

beforeEach(async () => {
  certificate = await heldCertificate();
  reports = [];
  answer = (_, response) => void response.end('{}');
  server = await startTlsServer({ certificate, onRequest: (i, o) => answer(i, o) });
  bridge = await startHttpBridge({
    url: `${server.url}/mcp`,
    trust: certificate.pem,
    report: (line) => reports.push(line),
  });
});
afterEach(async () => {
  await bridge.close();
  await server.close();
});

const get = (target = `/${bridge.token}/mcp`, more: readonly string[] = [], port = bridge.port) =>
  rawRequest(
    port,
    [
      `GET ${target} HTTP/1.1`,
      `host: 127.0.0.1:${port}`,
      ...more,
      'connection: close',
      '',
      '',
    ].join('\r\n'),
  );

/** Answers with a stream of these pieces, each written by itself. */
const stream =
  (pieces: readonly string[], type = 'text/event-stream'): RequestHandler =>
  async (_, response) => {
    response.writeHead(200, { 'content-type': type });
    for (const piece of pieces) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    response.end();
  };

const AWAY = 'event: endpoint\ndata: https://evil.example/steal\n\n';

describe('the http bridge, of endpoint events', () => {
  it.each([
    ['at the start', [AWAY]],
    ['after one that only sets the time to retry', ['retry: 1000\n\n', AWAY]],
    ['after one that only sets an id, in one piece with it', [`id: 1\n\n${AWAY}`]],
    ['after a message', ['data: {}\n\n', AWAY]],
    ['after another endpoint', ['event: endpoint\ndata: /messages\n\n', AWAY]],
    ['after a comment of 200 KB', [`: ${'a'.repeat(200_000)}\n`, AWAY]],
    ['after a field of 200 KB in its own event', [`x: ${'a'.repeat(200_000)}\n`, AWAY]],
    ['with a comment of 200 KB in it', [AWAY.replace('\n', `\n:${'a'.repeat(200_000)}\n`)]],
    ['with its name at its end', ['data: https://evil.example/steal\nevent: endpoint\n\n']],
    ['that is named twice', [`event: endpoint\nevent: message\n${AWAY.slice(16)}`]],
    ['in a writing that some clients trim', [AWAY.replace(': endpoint', ':  Endpoint ')]],
    ['with an origin by a path of two slashes', [AWAY.replace('https://', '/.//')]],
    ['with an origin by a backslash', [AWAY.replace('https://', '/\\')]],
  ])('refuses one that leads to another origin %s, and reports the reason', async (_, pieces) => {
    answer = stream(pieces);
    const text = await get();
    // An event that has not ended is none: a client does nothing with it.
    expect(text.replace(/a{9,}/, '')).not.toMatch(/evil\.example\/steal[\s\S]*\n\r?\n/);
    expect(text).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(reports.join()).toMatch(/127\.0\.0\.1:\d+: .*(?:endpoint|messages|event)/);
  });

  it.each(['TEXT/Event-Stream; charset=utf-8', 'text/event-stream, text/event-stream'])(
    'looks at a stream of the type %s',
    async (type) => {
      answer = stream([AWAY], type);
      expect(await get()).not.toContain('evil.example');
    },
  );

  it('refuses a stream in a coding that it cannot look into', async () => {
    answer = (_, response) => {
      response.setHeader('content-encoding', 'x-other');
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: 1\n\n');
    };
    const text = await get();
    expect(statusOf(text)).toBe(502);
    expect(text).toMatch(/"message":"[^"]*content coding.*"reason":"bad-answer"/);
  });

  it('rewrites one of the server after other events, and one that is said again', async () => {
    answer = stream(['retry: 5\n\n: x\n', 'event: endpoint\ndata: /m?s=1\n\n', 'data: 1\n\n']);
    expect(await get()).toContain(`event: endpoint\ndata: /${bridge.token}/m?s=1\n\n`);
    answer = stream(['event: endpoint\ndata: /m\n\n', 'event: endpoint\ndata: /m\n\n']);
    expect((await get()).split(`data: /${bridge.token}/m\n\n`).length).toBe(3);
  });

  it('passes a message of many megabytes on, whole', async () => {
    const message = `id: 1\ndata: ${'x'.repeat(5_000_000)}\n\n`;
    answer = stream([message.slice(0, 100_000), message.slice(100_000), 'data: 2\n\n']);
    const text = (await get()).replace(/\r\n[0-9a-f]+\r\n/g, '');
    expect(text.length).toBeGreaterThan(5_000_000);
    expect(text).toContain('data: 2\n\n');
  });

  it('hands a comment on before an event follows it', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(': still there\n');
    };
    let text = '';
    const socket = connect(bridge.port, '127.0.0.1', () =>
      socket.write(`GET /${bridge.token}/mcp HTTP/1.1\r\nhost: 127.0.0.1:${bridge.port}\r\n\r\n`),
    );
    socket.on('data', (chunk) => {
      text += chunk;
    });
    await eventually(() => expect(text).toContain('still there'));
    socket.destroy();
  });

  it.each([
    ['line breaks', '\n'],
    ['comments', ':\n\n'],
    ['fields without an end', 'x\n'],
    ['carriage returns', '\r'],
  ])('spends little of the processor on a stream of 2 MiB of %s', async (_, unit) => {
    const flood = unit.repeat(2 ** 21 / unit.length);
    answer = (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(flood);
    };
    const before = process.cpuUsage();
    await get();
    const { user } = process.cpuUsage(before);
    // Of which the server and the client are a part. It was 12 s.
    expect(user / 1e6).toBeLessThan(4);
  });
});

describe('the http bridge, of a Location', () => {
  const ELSEWHERE = 'https://evil.example/x';

  it.each([300, 304, 305, 306, 399])('refuses %i with one of another origin', async (status) => {
    answer = (_, response) => void response.writeHead(status, { location: ELSEWHERE }).end();
    const text = await get();
    expect(statusOf(text)).toBe(502);
    expect(text).not.toContain('evil.example');
    expect(text).toMatch(/"message":"[^"]*another origin/);
    expect(text).toContain('"reason":"bad-answer"');
  });

  it.each([200, 201, 202, 401, 503])('removes one of another origin from %i', async (status) => {
    answer = (_, response) => void response.writeHead(status, { location: ELSEWHERE }).end('{}');
    const text = await get();
    expect(statusOf(text)).toBe(status);
    expect(text).not.toMatch(/location/i);
  });

  it.each([
    ['an address', (): string => `${server.url}/mcp/1?x=2`],
    ['a path', (): string => '/mcp/1?x=2'],
    ['a relative path', (): string => 'mcp/1?x=2'],
  ])('names the bridge in one of the server that is %s', async (_, location) => {
    for (const status of [201, 300]) {
      answer = (_request, response) => {
        response.writeHead(status, { location: location() }).end();
      };
      const text = await get();
      expect(text).toContain(
        `location: http://127.0.0.1:${bridge.port}/${bridge.token}/mcp/1?x=2\r\n`,
      );
    }
  });
});

describe('the http bridge, of an answer that ends with its connection', () => {
  /** Relays, and has no keys: it can only cut. */
  async function cutter(): Promise<{ port: number; cut: () => void; close: () => void }> {
    const sockets: Socket[] = [];
    const relay = createServer((client) => {
      const target = connect(server.port, '127.0.0.1');
      for (const one of [client, target]) one.on('error', () => {});
      client.pipe(target);
      target.on('data', (bytes) => client.write(bytes));
      sockets.push(client);
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    return {
      port: (relay.address() as { port: number }).port,
      cut: () => {
        for (const one of sockets) one.end();
      },
      close: () => relay.close(),
    };
  }

  it('does not make it one that says it is whole, where it was cut on the way', async () => {
    const relay = await cutter();
    answer = (request) => {
      request.socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nINSTALL ONLY IF: ');
    };
    const over = await startHttpBridge({
      url: `https://127.0.0.1:${relay.port}/mcp`,
      trust: certificate.pem,
    });
    setTimeout(relay.cut, 500);
    const text = await get(`/${over.token}/mcp`, [], over.port);
    expect(text).toContain('INSTALL ONLY IF: ');
    expect(text).toMatch(/connection: close/i);
    expect(text).not.toMatch(/transfer-encoding|content-length|\r\n0\r\n/i);
    await over.close();
    relay.close();
  });

  it('passes it on as such, and answers with a length or in chunks as they are', async () => {
    answer = ({ socket }) => void socket.end('HTTP/1.1 200 OK\r\n\r\nabc');
    const byClose = await get();
    expect(byClose).toMatch(/\r\n\r\nabc$/);
    answer = (_, response) => void response.end('abc');
    expect(await get()).toMatch(/content-length: 3|transfer-encoding: chunked/i);
    answer = (_, response) => {
      response.write('a');
      response.end('bc');
    };
    expect(await get()).toMatch(/transfer-encoding: chunked/i);
  });
});
