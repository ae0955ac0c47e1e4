import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { invalidArgument } from '../../assert.js';
import { shown } from '../rpc.js';
import { openUpstream, type UpstreamOptions } from '../upstream.js';
import { boundConnections } from './connections.js';
import { HttpBridgeHandler } from './handler.js';

/** Options of {@link startHttpBridge}. */
export interface HttpBridgeOptions extends UpstreamOptions {
  /** Default `127.0.0.1`. No other address can be listened to. */
  readonly host?: '127.0.0.1' | '::1' | undefined;
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** At least 16 characters of `A-Z a-z 0-9 - _`. Default: 32 bytes made at random. */
  readonly token?: string | undefined;
  /** Origins of web pages that may use the bridge, apart from its own. */
  readonly allowedOrigins?: readonly string[] | undefined;
  /** Lines for people. */
  readonly report?: ((line: string) => void) | undefined;
  /** How long a client may take to read what was written to it. Default 60,000. */
  readonly stallMs?: number | undefined;
  /** How long a client may take to send the head of a request. Default 10,000. */
  readonly headMs?: number | undefined;
}

/** A bridge that listens. */
export interface HttpBridge {
  /** What a client is given: it has the token in it, and is a secret. */
  readonly url: string;
  /** The same for clients that send the token as a header `mcp-tls-token`. */
  readonly plainUrl: string;
  readonly token: string;
  readonly port: number;
  /** Ends everything: nothing is left open. */
  close(): Promise<void>;
}

/** For a whole request of a client's. */
const REQUEST_MS = 300_000;
/** Of programs of one machine. */
const MAX_CONNECTIONS = 512;

/**
 * Serves a remote server to local programs on loopback, in the clear.
 *
 * @throws {TlsConfigError} before it listens; the system's error where it cannot
 */
export async function startHttpBridge(options: HttpBridgeOptions): Promise<HttpBridge> {
  const { host = '127.0.0.1', port = 0, token = makeToken() } = options;
  const { report = () => {}, stallMs = 60_000, headMs = 10_000 } = options;
  checkHost(host);
  checkToken(token);
  const allowedOrigins = new Set((options.allowedOrigins ?? []).map(readOrigin));
  const upstream = openUpstream(options);
  const server = createServer({
    headersTimeout: headMs,
    requestTimeout: REQUEST_MS,
    // By default it looks every 30 s.
    connectionsCheckingInterval: Math.min(headMs, 2_000),
  });
  boundConnections(server, MAX_CONNECTIONS);
  try {
    await listen(server, host, port);
  } catch (error) {
    await upstream.close();
    throw error;
  }
  const bound = (server.address() as { readonly port: number }).port;
  const origin = `http://${host === '::1' ? '[::1]' : host}:${bound}`;
  const handler = new HttpBridgeHandler({
    upstream,
    rules: { port: bound, token, allowedOrigins },
    report: (error) => report(shown(error)),
    stallMs,
  });
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    void handler.handle(request, response);
  });
  // Node.js ends the connection of a CONNECT by itself; nothing is upgraded, as nobody listens for that.
  const path = upstream.url.pathname;
  return {
    url: `${origin}/${token}${path}`,
    plainUrl: `${origin}${path}`,
    token,
    port: bound,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // First, so that nothing is reported to clients, nor reported, that ends because of this.
      server.closeAllConnections();
      await upstream.close();
      await closed;
    },
  };
}

function makeToken(): string {
  return randomBytes(32).toString('base64url');
}

function checkHost(host: string): void {
  if (host !== '127.0.0.1' && host !== '::1') {
    invalidArgument('the bridge listens on 127.0.0.1 or ::1 only');
  }
}

function checkToken(token: string): void {
  if (!/^[\w-]{16,256}$/.test(token)) {
    invalidArgument('the token must be 16 to 256 characters of A-Z, a-z, 0-9, - and _');
  }
}

/** As browsers write it: scheme, host and port. */
function readOrigin(given: string): string {
  if (!URL.canParse(given) || new URL(given).origin !== given) {
    invalidArgument('an allowed origin must be scheme, host and port: http://localhost:6274');
  }
  return given;
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
