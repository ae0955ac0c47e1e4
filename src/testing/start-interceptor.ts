import { createServer as createHttpServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect as connectTcp, createServer, isIP, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import {
  connect as connectTls,
  createServer as createTlsServer,
  DEFAULT_CIPHERS,
  type TLSSocket,
  type Server as TlsServer,
} from 'node:tls';
import { invalidArgument } from '../assert.js';
import { type Declaration, declareOptions, type Kind, oneOf, readOptions } from '../options.js';
import { CERTIFICATE, type ServerCertificate, urlHost } from './tls-server-options.js';
import { TlsServerRecorder, type TlsServerRecords } from './tls-server-records.js';

const MODES = ['terminate', 'passthrough'] as const;
/** What an interceptor does with a new connection. */
export type InterceptorMode = (typeof MODES)[number];

/** Options of {@link startInterceptor}. */
export interface InterceptorOptions {
  /** What it shows in place of the target's. */
  certificate: ServerCertificate;
  /**
   * `terminate` (default): it ends the client's TLS connection, reads, and forwards over another
   * one. `passthrough`: it copies bytes that it cannot read, as any router does.
   */
  mode?: InterceptorMode;
}

/** What an interceptor could read of the connections that it terminated. Live: read it again. */
export interface InterceptorRecords extends TlsServerRecords {
  /** Bytes of the target's answers that it could read. */
  readonly answerBytes: number;
  /** Bytes that it carried without reading them, both ways together. */
  readonly opaqueBytes: number;
}

/** A man in the middle. */
export interface Interceptor extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`: what a client under attack connects to. */
  readonly url: string;
  readonly port: number;
  readonly records: InterceptorRecords;
  /** Connections of clients that are open now. */
  readonly openConnections: number;
  /** The URL of a target, reached through the interceptor. */
  urlFor(host: string, path?: string): string;
  /** Changes what happens to new connections. Open ones go on as they are. */
  switchTo(mode: InterceptorMode): void;
  /** Starts all records from zero. */
  clearRecords(): void;
  /** Closes every connection of a client, and so the one behind it. */
  dropConnections(): void;
  /** Ends it, open connections included. */
  close(): Promise<void>;
}

/**
 * Starts a man in the middle on a free port of 127.0.0.1, in front of `target`.
 *
 * It does not verify the target: an attacker would not care, and the test is about the client.
 *
 * @param target the server behind it: an `https:` URL, or what has one as `url`
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`
 * @example
 * await using middle = await startInterceptor(server, { certificate: await heldCertificate() });
 * await assert.rejects(myClient.get(middle.url));
 * assert.equal(middle.records.applicationBytes, 0);
 */
export async function startInterceptor(
  target: string | URL | { readonly url: string },
  options: InterceptorOptions,
): Promise<Interceptor> {
  let mode = checkOptions(options);
  const behind = readTarget(target);
  const recorder = new TlsServerRecorder();
  const volumes = { answerBytes: 0, opaqueBytes: 0 };
  const sockets = new Set<Socket>();
  const tlsServer = makeTlsServer(options.certificate, recorder, (client) => {
    const upstream = connectTls({
      ...behind,
      servername: client.servername || (isIP(behind.host) === 0 ? behind.host : ''),
      ALPNProtocols: ['http/1.1'],
      // An attacker forwards to whatever answers; nothing of value is sent here.
      rejectUnauthorized: false,
    });
    upstream.on('data', (chunk: Buffer) => {
      volumes.answerBytes += chunk.length;
    });
    join(client, upstream);
  });
  const server = createServer((socket) => {
    recorder.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    if (mode === 'terminate') {
      tlsServer.emit('connection', socket);
      return;
    }
    const upstream = connectTcp(behind);
    for (const side of [socket, upstream]) {
      side.on('data', (chunk) => {
        volumes.opaqueBytes += chunk.length;
      });
    }
    join(socket, upstream);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const urlFor = (host: string, path = ''): string => `https://${urlHost(host)}:${port}${path}`;
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => server.close(() => resolve()));
    dropConnections();
    return closing;
  };
  return {
    url: urlFor('127.0.0.1'),
    port,
    records: Object.defineProperties(recorder as TlsServerRecorder & InterceptorRecords, {
      answerBytes: { get: () => volumes.answerBytes },
      opaqueBytes: { get: () => volumes.opaqueBytes },
    }),
    get openConnections() {
      return sockets.size;
    },
    urlFor,
    switchTo(next) {
      mode = MODE.read(next, 'switchTo: mode', []);
    },
    clearRecords() {
      recorder.clear();
      volumes.answerBytes = 0;
      volumes.opaqueBytes = 0;
    },
    dropConnections,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkOptions(options: InterceptorOptions): InterceptorMode {
  return readOptions(INTERCEPTOR, options).mode ?? 'terminate';
}

const MODE: Kind<InterceptorMode> = oneOf('terminate', 'passthrough');

const INTERCEPTOR: Declaration<InterceptorOptions> = declareOptions<InterceptorOptions>(
  'startInterceptor: options',
  { certificate: CERTIFICATE, mode: MODE },
);

function readTarget(target: string | URL | { readonly url: string }): {
  host: string;
  port: number;
} {
  const text = typeof target === 'string' || target instanceof URL ? target : target?.url;
  const url = URL.canParse(String(text)) ? new URL(String(text)) : undefined;
  if (url?.protocol !== 'https:') invalidArgument('target must be an https: URL or a server');
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || 443) };
}

/** Does not listen: it gets its connections from the TCP server. */
function makeTlsServer(
  certificate: ServerCertificate,
  recorder: TlsServerRecorder,
  onClient: (client: TLSSocket) => void,
): TlsServer {
  const cert = 'cert' in certificate ? certificate.cert : certificate.chainPem;
  const key = 'cert' in certificate ? certificate.key : certificate.keyPem;
  const ciphers = `${DEFAULT_CIPHERS}:@SECLEVEL=0`;
  const server = createTlsServer({ cert, key, ciphers, ALPNProtocols: ['http/1.1'] });
  const heads = createHttpServer({ requestTimeout: 0, headersTimeout: 0 });
  heads.on('request', ({ headers, method = '', url = '' }: IncomingMessage, response) => {
    recorder.requests.push({ method, url, headers, encrypted: true });
    response.end();
  });
  server.on('secureConnection', (client) => {
    recorder.handshake(client);
    if (client.servername) recorder.sni.push(client.servername);
    readHeads(client, heads);
    onClient(client);
  });
  server.on('tlsClientError', (error, socket) => recorder.handshakeError(error, socket));
  return server;
}

/** Gives a copy of the client's bytes to Node.js's own HTTP parser; what that answers is dropped. */
function readHeads(client: TLSSocket, heads: ReturnType<typeof createHttpServer>): void {
  const copy = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  copy.on('error', () => {});
  client.on('data', (chunk) => copy.push(chunk)).once('close', () => copy.destroy());
  heads.emit('connection', copy);
}

/** Copies both ways. When one side ends or breaks, so does the other. */
function join(client: Socket, upstream: Socket): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    from.pipe(to);
    from.on('error', () => to.destroy()).once('close', () => to.destroy());
  }
}
