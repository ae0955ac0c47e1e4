/**
 * The server that every contender talks to: node:https with a P-256 certificate, which answers as an
 * MCP server does, with as little work as can be. What is measured is the client, and on a machine
 * with few cores a busy server takes from it. `startSdk` is the exception: the MCP SDK's own server.
 */
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type HeldCertificate, heldCertificate } from 'mcp-tls/testing';
import { revocationList } from '../../src/testing/battery/revocation-list.js';
import { serveTasks } from '../support/serve-tasks.js';
import { answerBySdk } from './answer-sdk.js';
import { handle } from './handle.js';

/** Where the server is, and what to trust. */
export interface ServerAddress {
  /** Without a slash at its end. */
  readonly origin: string;
  readonly ca: string;
}

/** One whose certificate an authority has signed. */
export interface SignedServerAddress extends ServerAddress {
  /** Of the server's key. */
  readonly pin: string;
  /** The authority's list, on which nothing is. */
  readonly crl: string;
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

/** With a certificate of its own, that is trusted as it is. */
async function start(): Promise<ServerAddress> {
  const certificate = await heldCertificate();
  return { origin: await listen(certificate, handle), ca: certificate.pem };
}

/** With a certificate of an authority. */
async function startSigned(): Promise<SignedServerAddress> {
  const authority = await heldCertificate({ isCa: true, commonName: 'bench authority' });
  const certificate = await heldCertificate({ signedBy: authority });
  return {
    origin: await listen(certificate, handle),
    ca: authority.pem,
    pin: certificate.spkiPin,
    crl: revocationList({ issuer: authority }),
  };
}

/** The MCP SDK's own server: `/json` and `/sse`, by the form of its answers. */
async function startSdk(): Promise<ServerAddress> {
  const certificate = await heldCertificate();
  return { origin: await listen(certificate, answerBySdk), ca: certificate.pem };
}

type Answer = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @returns the origin */
async function listen({ chainPem, keyPem }: HeldCertificate, answer: Answer): Promise<string> {
  const server = createServer({ cert: chainPem, key: keyPem }, (request, response) => {
    requests++;
    answer(request, response).catch((error) => response.destroy(error));
  });
  // Longer than a contender waits for its turn.
  server.keepAliveTimeout = 600_000;
  server.on('secureConnection', (socket: TLSSocket) => {
    handshakes++;
    if (socket.isSessionReused()) resumed++;
  });
  server.listen(0, '127.0.0.1', 4_096);
  await once(server, 'listening');
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
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

serveTasks({ start, startSigned, startSdk, startMany, makeCertificates, takeCounts });
