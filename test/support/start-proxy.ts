import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { connect, type Socket } from 'node:net';
import type { HeldCertificate } from '../../src/testing/index.js';

/** An HTTP proxy on 127.0.0.1 that tunnels, or misbehaves. */
export interface TestProxy extends AsyncDisposable {
  readonly url: string;
  /** The targets that were asked for, `host:port`. */
  readonly targets: readonly string[];
  /** Proxy-Authorization of each request. */
  readonly credentials: readonly (string | undefined)[];
}

export interface TestProxyOptions {
  /** Makes it an https proxy. */
  readonly certificate?: HeldCertificate;
  /** Demands these, as `user:password`. */
  readonly credentials?: string;
  /** Answers every CONNECT with this status, or these bytes, or nothing. */
  readonly answer?: number | string | 'silence' | 'hang up';
}

export async function startProxy(options: TestProxyOptions = {}): Promise<TestProxy> {
  const { certificate, answer } = options;
  const targets: string[] = [];
  const credentials: (string | undefined)[] = [];
  const sockets = new Set<Socket>();
  const server =
    certificate === undefined
      ? createServer()
      : createSecureServer({ cert: certificate.chainPem, key: certificate.keyPem });
  const keep = (socket: Socket) => {
    sockets.add(socket.on('error', () => {}).on('close', () => sockets.delete(socket)));
  };
  server.on('connection', keep);
  server.on('connect', (request: IncomingMessage, client: Socket) => {
    client.on('error', () => {});
    const target = request.url ?? '';
    targets.push(target);
    credentials.push(request.headers['proxy-authorization']);
    const wanted = options.credentials && Buffer.from(options.credentials).toString('base64');
    if (wanted && request.headers['proxy-authorization'] !== `Basic ${wanted}`) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
    } else if (typeof answer === 'number') {
      client.end(`HTTP/1.1 ${answer} No\r\nContent-Length: 0\r\n\r\n`);
    } else if (answer === 'hang up') {
      client.destroy();
    } else if (answer === 'silence') {
      return;
    } else if (answer !== undefined) {
      client.write(answer);
    } else {
      const { hostname, port } = new URL(`tcp://${target}`);
      const upstream = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n');
        upstream.pipe(client).pipe(upstream);
      });
      keep(upstream);
      upstream.on('error', () => client.destroy());
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`,
    targets,
    credentials,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
