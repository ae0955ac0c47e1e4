/**
 * The server that every contender talks to: node:https with a P-256 certificate, which answers as an
 * MCP server does, with as little work as can be. What is measured is the client, and on a machine
 * with few cores a busy server takes from it.
 */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { heldCertificate } from 'mcp-tls/testing';
import { serveTasks } from '../support/serve-tasks.js';
import { handle } from './handle.js';

/** Where the server is, and what to trust. */
export interface ServerAddress {
  /** Without a slash at its end. */
  readonly origin: string;
  readonly ca: string;
}

/** What the server has seen since it was asked the last time. */
export interface ServerCounts {
  readonly handshakes: number;
  /** Handshakes that resumed a session, and so were not full ones. */
  readonly resumed: number;
  readonly requests: number;
}

let handshakes = 0;
let resumed = 0;
let requests = 0;

async function start(): Promise<ServerAddress> {
  const { pem: certificatePem, chainPem, keyPem } = await heldCertificate();
  const server = createServer({ cert: chainPem, key: keyPem }, (request, response) => {
    requests++;
    handle(request, response).catch((error) => response.destroy(error));
  });
  // Longer than a contender waits for its turn.
  server.keepAliveTimeout = 600_000;
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes++;
    if (socket.isSessionReused()) resumed++;
  });
  server.listen(0, '127.0.0.1', 4_096);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { origin: `https://127.0.0.1:${port}`, ca: certificatePem };
}

/** As many servers, each with a certificate and a port of its own. */
async function startMany(count: number): Promise<readonly ServerAddress[]> {
  const servers: ServerAddress[] = [];
  while (servers.length < count) servers.push(await start());
  return servers;
}

/** For what never connects: certificates and names of servers that are not there. */
async function makeCertificates(count: number): Promise<readonly ServerAddress[]> {
  const servers: ServerAddress[] = [];
  while (servers.length < count) {
    const { pem: certificatePem } = await heldCertificate();
    servers.push({ origin: `https://server-${servers.length}.test`, ca: certificatePem });
  }
  return servers;
}

function takeCounts(): ServerCounts {
  const counts = { handshakes, resumed, requests };
  handshakes = resumed = requests = 0;
  return counts;
}

serveTasks({ start, startMany, makeCertificates, takeCounts });
