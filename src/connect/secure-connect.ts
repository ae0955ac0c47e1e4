import type { TLSSocket } from 'node:tls';
import { invalidArgument } from '../assert.js';
import {
  custom,
  type Declaration,
  declareOptions,
  list,
  ms,
  readOptions,
  required,
  signal,
} from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import { latest } from '../trust/sourced.js';
import { TRUST } from '../trust/trust-options.js';
import type { TrustInput } from '../trust/trust-policy.js';
import { addressOf } from './address-of.js';
import { makeConnector } from './connector.js';
import { readHttpsUrl } from './read-url.js';
import { ROUTE_FIELDS, type RouteOptions, readRoute } from './route.js';

/** Options of {@link secureConnect}. */
export interface SecureConnectOptions extends RouteOptions {
  /** Whom to trust; `null` for the default roots. An unset one is refused. */
  trust: TrustInput;
  /** Offered by ALPN (RFC 7301), preferred first; `socket.alpnProtocol` is what was chosen. Default `['http/1.1']`. */
  alpnProtocols?: readonly string[] | undefined;
  /** Limit for proxy, TCP and TLS handshake together, in milliseconds; 0 for none. Default 10,000. */
  timeoutMs?: number | undefined;
  /** Gives the attempt up. It does nothing to a connection that was made. */
  signal?: AbortSignal | undefined;
}

/** RFC 7301 §3.1. */
const ALPN_PROTOCOL = custom<string>(
  "the name of an ALPN protocol, such as 'h2'",
  (value) => typeof value === 'string' && /^[!-~]{1,255}$/.test(value),
);

const SECURE_CONNECT: Declaration<SecureConnectOptions> = declareOptions<SecureConnectOptions>(
  'secureConnect: options',
  {
    trust: required(TRUST),
    alpnProtocols: list(ALPN_PROTOCOL),
    timeoutMs: ms(),
    signal: signal(),
    ...ROUTE_FIELDS,
  },
  { elsewhere: { ALPNProtocols: "did you mean 'alpnProtocols'?" } },
);

/**
 * A TLS connection to a server that the policy trusts, for what speaks another protocol than a fetch: WebSocket,
 * gRPC, a client that takes a socket. It resolves only after the same judge as a client's trusted what is at its
 * other end; nothing was sent till then. The socket is the caller's, to use and to close.
 *
 * Whoever connects again asks again: an approval is not remembered, and sources are read at each call.
 *
 * @throws {TlsTrustError} why the server is not trusted
 * @throws {TlsConnectionError} why it could not be connected to
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @throws the signal's reason, if aborted
 * @example
 * const socket = await secureConnect('https://10.0.0.5:8443', { trust: { ca: pem } });
 * socket.write('GET / HTTP/1.1\r\nhost: 10.0.0.5:8443\r\nconnection: close\r\n\r\n');
 */
export async function secureConnect(
  url: string | URL,
  options: SecureConnectOptions,
): Promise<TLSSocket> {
  const read = readOptions(SECURE_CONNECT, options);
  const { trust, alpnProtocols, timeoutMs = 10_000, signal } = read;
  if (alpnProtocols !== undefined && (alpnProtocols.length === 0 || alpnProtocols.length > 16)) {
    invalidArgument('secureConnect: options.alpnProtocols must have 1 to 16 protocols');
  }
  const { host, port } = addressOf(readHttpsUrl('url', url));
  const connector = makeConnector({
    policy: latest(checkTrustPolicy(trust, 'options.trust')),
    route: readRoute(read),
    timeoutMs,
    protocols: alpnProtocols,
  });
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const giveUp = connector.connect({ hostname: host, port }, (error, socket) => {
      signal?.removeEventListener('abort', onAbort);
      if (socket === null) reject(signal?.aborted ? signal.reason : error);
      else if (signal?.aborted) {
        socket.destroy();
        reject(signal.reason);
      } else resolve(socket);
    });
    function onAbort(): void {
      giveUp();
    }
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
