/**
 * A process of servers: the hostile ones, and one that is good in a process of its own.
 *
 *   servers hostile|good   prints where they are as a line of JSON
 */
import { createServer, type Server, type ServerOptions } from 'node:https';
import { type AddressInfo, createServer as createTcpServer, type Server as Tcp } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { heldCertificate } from '../../src/testing/index.js';
import { ANSWERS, counts } from './answers.js';
import { dhParameters, hugeExponents } from './crafted-chain.js';
import { FLOODS, floodingServer } from './flooding.js';

/** Where the servers of a process are, and the certificates that are to be trusted for them. */
export interface Servers {
  readonly ca: string;
  readonly ports: Readonly<Record<string, number>>;
}

const ecdsa = await heldCertificate();
const rsa = await heldCertificate({ key: 'rsa2048' });
const named = await heldCertificate({
  dns: Array.from({ length: 3_000 }, (_, i) => `a-name-of-many-${i}.example`),
});

const plain: ServerOptions = { cert: ecdsa.pem, key: ecdsa.keyPem };

function web(options: ServerOptions): Server {
  const server = createServer(options, (request, response) => {
    response.on('error', () => {});
    const [, name = '', ...rest] = (request.url ?? '').split('/');
    ANSWERS[name || 'ok']?.(request, response, ...rest.map(Number));
  });
  server.keepAliveTimeout = 0;
  server.requestTimeout = server.headersTimeout = server.timeout = 0;
  return server;
}

const HOSTILE: Readonly<Record<string, () => Server | Tcp>> = {
  main: () => web(plain),
  exponents: () => web({ ...plain, cert: ecdsa.pem + hugeExponents(38) }),
  dhe: () =>
    web({
      cert: rsa.pem,
      key: rsa.keyPem,
      maxVersion: 'TLSv1.2',
      ciphers: 'DHE-RSA-AES128-GCM-SHA256:@SECLEVEL=0',
      dhparam: dhParameters(10_000),
    }),
  names: () => web({ cert: named.pem, key: named.keyPem }),
  stall: () => createTcpServer((socket) => void socket.on('error', () => {}).resume()),
  tickets: () => floodingServer(plain, FLOODS.tickets),
  keyUpdates: () => floodingServer(plain, FLOODS.keyUpdates),
  closing: () =>
    createTlsServer({ ...plain }, (socket) => void socket.on('error', () => {}).destroy()),
};

const which = process.argv[2] === 'good' ? { main: () => web(plain) } : HOSTILE;
const ports: Record<string, number> = {};
for (const [name, make] of Object.entries(which)) {
  const server = make();
  server.on('connection', (socket) => socket.on('error', () => {}));
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 8_192, () => resolve()));
  ports[name] = (server.address() as AddressInfo).port;
}
const ca = ecdsa.pem + rsa.pem + named.pem;
console.log(JSON.stringify({ ca, ports } satisfies Servers));

// A line asks for the counts.
process.stdin.on('data', () => {
  console.log(JSON.stringify(counts));
  counts.retry = 0;
});
process.stdin.on('end', () => process.exit());
