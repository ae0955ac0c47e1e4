import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';

/** An MCP server that counts which calls it was asked to make, over both transports. */
export interface SoakServer {
  readonly id: string;
  readonly url: string;
  readonly certificate: HeldCertificate;
  /** How often each call arrived, by its text. */
  readonly calls: Map<string, number>;
  /** When a call last arrived, `performance.now()`. */
  readonly lastCall: number;
  /** Shows another certificate, and ends what is open. */
  rotate(sameKey: boolean): Promise<void>;
  /** Ends what is open, and takes no connection for a while. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function startServer(id: string): Promise<SoakServer> {
  let certificate = await heldCertificate();
  const calls = new Map<string, number>();
  const sockets = new Set<Duplex>();
  const sessions = new Map<string, SSEServerTransport>();
  const self = { lastCall: 0 };

  function makeServer(): Server {
    const server = new Server({ name: 'soak', version: '1' }, { capabilities: { tools: {} } });
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => made(params.arguments));
    return server;
  }

  function made(call: Record<string, unknown> | undefined) {
    const text = String(call?.['text']);
    calls.set(text, (calls.get(text) ?? 0) + 1);
    self.lastCall = performance.now();
    return { content: [{ type: 'text' as const, text }] };
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
    if (pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      sessions.set(transport.sessionId, transport);
      response.once('close', () => sessions.delete(transport.sessionId));
      await makeServer().connect(transport);
    } else if (pathname === '/messages') {
      const transport = sessions.get(searchParams.get('sessionId') ?? '');
      if (transport === undefined) response.writeHead(404).end();
      else await transport.handlePostMessage(request, response);
    } else if (request.method === 'GET') {
      // The stream that a client of streamable HTTP keeps open.
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
    } else {
      const body = await jsonOf(request);
      if (body.method === 'tools/call') {
        // By hand: a server of the SDK for each of hundreds of thousands of calls is most of what they cost.
        const result = made(body.params.arguments);
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ jsonrpc: '2.0', id: body.id, result }));
        return;
      }
      const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
      await makeServer().connect(transport as Transport);
      await transport.handleRequest(request, response, body);
    }
  }

  const server = createServer(
    { cert: certificate.pem, key: certificate.keyPem },
    (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
  );
  server.on('tlsClientError', () => {});
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    id,
    get lastCall() {
      return self.lastCall;
    },
    url: `https://127.0.0.1:${port}`,
    get certificate() {
      return certificate;
    },
    calls,
    async rotate(sameKey: boolean) {
      certificate = await heldCertificate(sameKey ? { renewFrom: certificate } : {});
      server.setSecureContext({ cert: certificate.pem, key: certificate.keyPem });
      drop();
    },
    async restart() {
      drop();
      await new Promise((resolve) => server.close(resolve));
      await new Promise((resolve) => setTimeout(resolve, 200));
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    },
    async close() {
      drop();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function jsonOf(request: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString('utf8'));
}
