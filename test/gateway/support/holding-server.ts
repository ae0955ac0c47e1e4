import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import {
  type HeldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../../src/testing/index.js';

/** One request, with the TLS connection that it came over. */
export interface Arrival {
  /** Number of the connection, from 0. */
  readonly connection: number;
  /** SHA-256 of the certificate that this connection was made under. */
  readonly certificate: string | undefined;
  /** What the client sent as its bearer token. */
  readonly token: string | undefined;
}

/** A real MCP server whose tool `hold` answers when the test says so. */
export interface HoldingServer {
  readonly tls: TlsServer;
  /** Streamable HTTP with SSE answers. `/json`: with JSON answers. `/sse`: the older transport. */
  readonly mcpUrl: string;
  readonly arrivals: readonly Arrival[];
  /** Calls of `hold` that wait. */
  readonly held: number;
  /** Certificates of the connections that are open now. */
  openCertificates(): readonly (string | undefined)[];
  /** Answers all that wait. */
  release(): void;
  close(): Promise<void>;
}

/** @param certificate of the start; `tls.rotate` changes it for new connections */
export async function startHoldingServer(certificate: HeldCertificate): Promise<HoldingServer> {
  const arrivals: Arrival[] = [];
  const connections = new Map<Socket, Pick<Arrival, 'connection' | 'certificate'>>();
  const waiting = new Set<() => void>();
  const sessions = new Map<string, StreamableHTTPServerTransport | SSEServerTransport>();
  let numbered = 0;

  function connectionOf({ socket }: IncomingMessage): Pick<Arrival, 'connection' | 'certificate'> {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const own = socket instanceof TLSSocket ? socket.getX509Certificate() : undefined;
    const made = { connection: numbered++, certificate: own?.fingerprint256 };
    connections.set(socket, made);
    socket.once('close', () => connections.delete(socket));
    return made;
  }

  function makeServer(): Server {
    const server = new Server(
      { name: 'holding', version: '1.0.0' },
      { capabilities: { tools: {} } },
    );
    server.setRequestHandler(CallToolRequestSchema, async () => {
      await new Promise<void>((resolve) => waiting.add(resolve));
      return { content: [{ type: 'text', text: 'released' }] };
    });
    return server;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = request.headers.authorization?.replace('Bearer ', '');
    arrivals.push({ ...connectionOf(request), token });
    const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
    if (pathname === '/sse') {
      const transport = new SSEServerTransport('/messages', response);
      sessions.set(transport.sessionId, transport);
      response.once('close', () => sessions.delete(transport.sessionId));
      await makeServer().connect(transport);
      return;
    }
    const id = request.headers['mcp-session-id'] ?? searchParams.get('sessionId') ?? undefined;
    const session = sessions.get(String(id));
    if (id !== undefined && session === undefined) {
      response.writeHead(404).end();
      return;
    }
    if (session instanceof SSEServerTransport) {
      await session.handlePostMessage(request, response);
      return;
    }
    await (session ?? (await open(pathname === '/json'))).handleRequest(request, response);
  }

  async function open(enableJsonResponse: boolean): Promise<StreamableHTTPServerTransport> {
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      enableJsonResponse,
      onsessioninitialized: (id) => void sessions.set(id, transport),
    });
    await makeServer().connect(transport as Transport);
    return transport;
  }

  const tls = await startTlsServer({ certificate, onRequest: handle });
  const release = (): void => {
    for (const answer of waiting) answer();
    waiting.clear();
  };
  return {
    tls,
    mcpUrl: `${tls.url}/mcp`,
    arrivals,
    get held() {
      return waiting.size;
    },
    openCertificates: () => [...connections.values()].map((one) => one.certificate),
    release,
    async close() {
      release();
      await tls.close();
    },
  };
}
