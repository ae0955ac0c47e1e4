import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createSecureContext, DEFAULT_CIPHERS } from 'node:tls';
import type { HeldCertificate } from '../../../src/testing/index.js';

/** A server that shows another chain on each connection, as several machines behind one address do. */
export interface AlternatingServer extends AsyncDisposable {
  /** With a name, since it goes by the server name that a client sends. */
  readonly url: string;
  readonly connections: number;
  readonly bytes: number;
  /** What the next connections are shown, in turn; the last for all that follow. */
  show(chains: readonly (readonly HeldCertificate[])[], turn: 'once' | 'round'): void;
}

/** So that weak certificates are shown on every Node.js line. */
const ANY_STRENGTH = `${DEFAULT_CIPHERS}:@SECLEVEL=0`;

export async function startAlternatingServer(): Promise<AlternatingServer> {
  let shown: readonly (readonly HeldCertificate[])[] = [];
  let turns: 'once' | 'round' = 'once';
  let connections = 0;
  let at = 0;
  const open = new Set<Socket>();
  const seen: { readonly bytesRead: number }[] = [];
  const server = createServer(
    {
      ciphers: ANY_STRENGTH,
      SNICallback(_name, done) {
        connections += 1;
        const index = turns === 'round' ? at % shown.length : Math.min(at, shown.length - 1);
        at += 1;
        const chain = shown[index] as readonly HeldCertificate[];
        const cert = chain.map(({ pem }) => pem).join('');
        const key = (chain[0] as HeldCertificate).keyPem;
        done(null, createSecureContext({ cert, key, ciphers: ANY_STRENGTH }));
      },
    },
    // Each request has a connection of its own, and so another certificate.
    (request, response) =>
      request
        .resume()
        .on('end', () => response.setHeader('connection', 'close').end('{"ok":true}')),
  );
  server.on('connection', (socket: Socket) => {
    open.add(socket.on('error', () => {}).on('close', () => open.delete(socket)));
  });
  server.on('tlsClientError', () => {});
  server.on('secureConnection', (socket) => seen.push(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `https://localhost:${(server.address() as AddressInfo).port}/mcp`,
    get connections() {
      return connections;
    },
    get bytes() {
      return seen.reduce((sum, { bytesRead }) => sum + bytesRead, 0);
    },
    show(chains, turn) {
      shown = chains;
      turns = turn;
      at = 0;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
