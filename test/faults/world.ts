import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { createMcpApplication } from '../../src/testing/mcp-application.js';
import { startV2Server } from '../support/v2-server.js';
import { Front } from './front.js';

/** Limits that every operation is given, in milliseconds. */
export const LIMITS = {
  connectMs: 500,
  headersMs: 700,
  idleMs: 700,
  totalMs: 3000,
} as const;

/** No operation takes longer than its limits add up to; the rest is for a busy machine. */
export const DEADLINE_MS = 12_000;

/** More than any answer of the servers here, less than a bomb. */
export const MAX_BODY_BYTES = 1_048_576;

const HOST = 'server.test';

export type Misbehaviour = (request: IncomingMessage, response: ServerResponse) => void;

/** An MCP server behind a front of its own, and a name that leads there. */
export interface World extends AsyncDisposable {
  readonly front: Front;
  readonly url: string;
  readonly mcpUrl: string;
  readonly sseUrl: string;
  /** Of a server of the SDK v2. */
  readonly v2Url: string;
  readonly certificate: HeldCertificate;
  /** Resolves {@link HOST}, and nothing else. A fault replaces it. */
  lookup: LookupFunction;
  /** Answers requests instead of the MCP server, except the first `spare` ones. */
  misbehave: Misbehaviour | undefined;
  rotate(certificate: HeldCertificate | { cert: string; key: string }): void;
  dropConnections(): void;
  notify(): Promise<void>;
}

export async function makeWorld(): Promise<World> {
  const certificate = await heldCertificate({ dns: [HOST] });
  const application = createMcpApplication({
    streamableHttp: true,
    sse: true,
    jsonResponse: false,
    resumable: false,
    retryMs: undefined,
    requireBearer: undefined,
  });
  const v2 = startV2Server();
  const server = await startTlsServer({
    certificate,
    onRequest: (request, response) => {
      response.on('error', () => {});
      if (world.misbehave !== undefined) return world.misbehave(request, response);
      if (request.url === '/events') return answerEvents(response);
      if (request.url === '/v2') return v2.handle(request, response);
      return application.handle(request, response);
    },
  });
  const front = await Front.start(server.port);
  const url = `https://${HOST}:${front.port}`;
  const world: World = {
    front,
    url,
    mcpUrl: `${url}/mcp`,
    sseUrl: `${url}/sse`,
    v2Url: `${url}/v2`,
    certificate,
    lookup: (_host, options, done) => {
      if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }]);
      else done(null, '127.0.0.1', 4);
    },
    misbehave: undefined,
    rotate: (next) => server.rotate(next),
    dropConnections() {
      front.dropConnections();
      server.dropConnections();
    },
    async notify() {
      v2.notify();
      await application.broadcast((one) => one.sendToolListChanged());
    },
    async [Symbol.asyncDispose]() {
      await v2.close();
      await application.forgetSessions();
      await front[Symbol.asyncDispose]();
      await server.close();
    },
  };
  return world;
}

/** A stream that begins at once and goes on for as long as somebody reads it. */
function answerEvents(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const timer = setInterval(() => response.write('data: {}\n\n'), 50);
  response.on('close', () => clearInterval(timer));
  response.write('data: {}\n\n');
}
