import {
  createServer as createHttpServer,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { DEFAULT_CIPHERS } from 'node:tls';
import { invalidArgument } from '../assert.js';
import { TlsConfigError } from '../errors.js';
import { type Declaration, declareOptions, flag, oneOf, readOptions } from '../options.js';
import type { HeldCertificate } from './held-certificate-options.js';
import {
  type Behaviour,
  misbehaveOnConnection,
  misbehaveOnRequest,
  STALLS,
  type Stall,
} from './tls-server-behaviour.js';
import {
  checkClientCa,
  checkServerCertificate,
  type RequestHandler,
  readTlsServerOptions,
  type ServerCertificate,
  type TlsServerOptions,
  urlHost,
} from './tls-server-options.js';
import { TlsServerRecorder, type TlsServerRecords } from './tls-server-records.js';

/** What happens to open connections when the certificate changes. */
export interface RotateOptions {
  /** Close them, so that every client shakes hands anew. Default: false. */
  dropConnections?: boolean;
}

/** An HTTPS server on this machine that keeps records and misbehaves on demand. */
export interface TlsServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  readonly records: TlsServerRecords;
  /** TCP connections that are open now. */
  readonly openConnections: number;
  /** Starts all records from zero. */
  clearRecords(): void;
  /** The server's URL under another name, such as `localhost`, for tests of names. */
  urlFor(host: string, path?: string): string;
  /** New handshakes get this certificate; open connections stay unless asked otherwise. */
  rotate(certificate: ServerCertificate, options?: RotateOptions): void;
  /**
   * New handshakes demand a client certificate issued by `ca`, which must be self-signed; a client's
   * own self-signed certificate is its own issuer. A client without a certificate gets an alert. One
   * with a foreign certificate is disconnected without: Node.js's server cannot send an alert there.
   */
  requireClientCertificate(ca: HeldCertificate | string): void;
  /**
   * `handshake`: new connections get no answer at all. `headers`: requests get none. `body`:
   * requests get a status, headers and the first bytes of a JSON body. Nothing times out here.
   */
  stall(where: Stall): void;
  /** Sends RST on every open connection, and on each new one. */
  reset(): void;
  /** Answers every request with a redirect. Default status: 307. */
  redirectTo(url: string, status?: 301 | 302 | 303 | 307 | 308): void;
  /** New connections are answered in clear HTTP on the same port. */
  speakPlainHttp(): void;
  /** Ends `stall`, `reset`, `redirectTo` and `speakPlainHttp` for everything that comes from now on. */
  recover(): void;
  /** Closes every open connection. */
  dropConnections(): void;
  /** Closes the port and every connection. Nothing keeps the process alive afterwards. */
  close(): Promise<void>;
}

const NO_TIMEOUT = { requestTimeout: 0, headersTimeout: 0 } as const;

/**
 * Starts an HTTPS server (HTTP/1.1) on a free port of the loopback address.
 *
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`, also when OpenSSL does not accept the
 * certificate, the key, the versions or the ciphers.
 * @example
 * await using server = await startTlsServer({ certificate: await heldCertificate() });
 * await myClient.get(server.url).catch(() => {});
 * assert.equal(server.records.applicationBytes, 0);
 */
export async function startTlsServer(given: TlsServerOptions): Promise<TlsServer> {
  const options = readTlsServerOptions(given);
  const { host = '127.0.0.1' } = options;
  let { certificate, clientCa } = options;
  let behaviour: Behaviour = {};
  const recorder = new TlsServerRecorder();
  const sockets = new Set<Socket>();

  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    recorder.request(request);
    if (misbehaveOnRequest(behaviour, request, response)) return;
    void answer(options.onRequest ?? answerOk, request, response);
  };
  const plainServer = createHttpServer(NO_TIMEOUT, onRequest);
  // Neither server listens: each gets its connections from `tcpServer`. A change of the TLS
  // configuration makes a new one, and the connections of the old one go on undisturbed.
  const makeTlsServer = (): HttpsServer =>
    createTlsServer({ ...options, certificate }, clientCa, recorder, onRequest);
  let tlsServer = makeTlsServer();

  const tcpServer = createTcpServer((socket) => {
    recorder.connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // A client that hangs up is part of the test; the records show what came of it.
    socket.on('error', () => {});
    if (misbehaveOnConnection(behaviour, socket)) return;
    (behaviour.plainHttp ? plainServer : tlsServer).emit('connection', socket);
  });
  const port = await listen(tcpServer, host);
  const urlFor = (name: string, path = ''): string => `https://${urlHost(name)}:${port}${path}`;
  const dropConnections = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    // The port's own 'close' does not wait for the 'close' of the sockets.
    closing ??= Promise.all([
      new Promise((resolve) => tcpServer.close(resolve)),
      ...Array.from(sockets, (socket) => new Promise((resolve) => socket.once('close', resolve))),
    ]).then(() => {});
    dropConnections();
    return closing;
  };

  return {
    url: urlFor(host),
    port,
    records: recorder,
    get openConnections() {
      return sockets.size;
    },
    clearRecords: () => recorder.clear(),
    urlFor,
    rotate(next, rotateOptions = {}) {
      const { dropConnections: drops } = readOptions(ROTATE, rotateOptions);
      checkServerCertificate(next);
      const previous = certificate;
      certificate = next;
      try {
        tlsServer = makeTlsServer();
      } catch (error) {
        certificate = previous;
        throw error;
      }
      if (drops) dropConnections();
    },
    requireClientCertificate(ca) {
      checkClientCa(ca);
      clientCa = ca;
      tlsServer = makeTlsServer();
    },
    stall(where) {
      STALL.read(where, 'stall: where', []);
      behaviour = { ...behaviour, stall: where };
    },
    reset() {
      behaviour = { ...behaviour, reset: true };
      for (const socket of sockets) socket.resetAndDestroy();
    },
    redirectTo(location, status = 307) {
      if (![301, 302, 303, 307, 308].includes(status)) invalidArgument('status must be a redirect');
      behaviour = { ...behaviour, redirect: { location: String(location), status } };
    },
    speakPlainHttp() {
      behaviour = { ...behaviour, plainHttp: true };
    },
    recover() {
      behaviour = {};
    },
    dropConnections,
    close,
    [Symbol.asyncDispose]: close,
  };
}

function createTlsServer(
  options: TlsServerOptions,
  clientCa: HeldCertificate | string | undefined,
  recorder: TlsServerRecorder,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): HttpsServer {
  const { certificate, ciphers, keepAliveMs: keepAliveTimeoutMs, sigalgs, ticketKeys } = options;
  const server = wrapOpenSslErrors(() =>
    createHttpsServer(
      {
        ...NO_TIMEOUT,
        ...pemOf(certificate, options.sendChain),
        minVersion: options.minVersion ?? 'TLSv1.2',
        maxVersion: options.maxVersion ?? 'TLSv1.3',
        ciphers: ciphers ?? `${DEFAULT_CIPHERS}:@SECLEVEL=0`,
        ...(sigalgs !== undefined && { sigalgs }),
        ...(ticketKeys !== undefined && { ticketKeys }),
        ...(keepAliveTimeoutMs !== undefined && { keepAliveTimeout: keepAliveTimeoutMs }),
        ...(clientCa !== undefined && {
          ca: typeof clientCa === 'string' ? clientCa : clientCa.pem,
          requestCert: true,
          rejectUnauthorized: true,
        }),
        // Both callbacks run at the ClientHello: they see clients that refuse the certificate, too.
        SNICallback(name, done) {
          recorder.sni.push(name);
          done(null);
        },
        ALPNCallback({ protocols }) {
          recorder.alpn.push(protocols);
          return protocols.find((protocol) => protocol === 'http/1.1');
        },
      },
      onRequest,
    ),
  );
  server.on('secureConnection', (socket) => recorder.handshake(socket));
  server.on('tlsClientError', (error, socket) => recorder.handshakeError(error, socket));
  return server;
}

function pemOf(
  certificate: ServerCertificate,
  sendChain: 'chain' | 'leaf' | undefined,
): { cert: string; key: string } {
  if ('cert' in certificate) return { cert: certificate.cert, key: certificate.key };
  const cert = sendChain === 'leaf' ? certificate.pem : certificate.chainPem;
  return { cert, key: certificate.keyPem };
}

function wrapOpenSslErrors<T>(action: () => T): T {
  try {
    return action();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TlsConfigError(
      'MCP_TLS_INVALID_ARGUMENT',
      `OpenSSL does not take this certificate, key, version or cipher list: ${reason}`,
      { cause },
    );
  }
}

function listen(server: ReturnType<typeof createTcpServer>, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => {
      server.off('error', reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}

async function answer(
  handler: RequestHandler,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await handler(request, response);
  } catch (error) {
    if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
    response.end(error instanceof Error ? error.message : 'the request handler failed');
  }
}

function answerOk(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}');
}

const STALL = oneOf(...STALLS);

const ROTATE: Declaration<RotateOptions> = declareOptions<RotateOptions>('rotate: options', {
  dropConnections: flag(),
});
