/** The only file of the kit that hands requests to the MCP SDK; loaded when a server is started. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { SSEServerTransport } from '@modelcontextprotocol/sdk/server/sse.js';
import {
  StreamableHTTPServerTransport,
  type StreamableHTTPServerTransportOptions,
} from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { createMemoryEventStore } from './mcp-event-store.js';
import { MCP_PATH, SSE_PATH } from './mcp-paths.js';
import { createToolServer } from './mcp-tools.js';

const SSE_MESSAGES_PATH = '/messages';

export interface McpApplicationOptions {
  readonly streamableHttp: boolean;
  readonly sse: boolean;
  readonly jsonResponse: boolean;
  readonly resumable: boolean;
  readonly retryMs: number | undefined;
  readonly requireBearer: string | undefined;
}

/** MCP over node:http, without a socket of its own. */
export interface McpApplication {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  sessionIds(): string[];
  forgetSessions(): Promise<void>;
  broadcast(send: (server: Server) => Promise<void>): Promise<void>;
}

interface Session<T> {
  readonly server: Server;
  readonly transport: T;
}

export function createMcpApplication(options: McpApplicationOptions): McpApplication {
  const streamable = new Map<string, Session<StreamableHTTPServerTransport>>();
  const sse = new Map<string, Session<SSEServerTransport>>();
  const all = (): Session<unknown>[] => [...streamable.values(), ...sse.values()];

  return {
    async handle(request, response) {
      const { pathname, searchParams } = new URL(request.url ?? '/', 'https://localhost');
      if (![MCP_PATH, SSE_PATH, SSE_MESSAGES_PATH].includes(pathname)) {
        return refuse(request, response, 404, 'not found');
      }
      const { requireBearer } = options;
      if (
        requireBearer !== undefined &&
        request.headers.authorization !== `Bearer ${requireBearer}`
      ) {
        response.setHeader('www-authenticate', 'Bearer error="invalid_token"');
        return refuse(request, response, 401, 'unauthorized');
      }
      if (options.streamableHttp && pathname === MCP_PATH) {
        return handleStreamableHttp(streamable, options, request, response);
      }
      if (options.sse && pathname === SSE_PATH && request.method === 'GET') {
        return openSse(sse, response);
      }
      if (options.sse && pathname === SSE_MESSAGES_PATH && request.method === 'POST') {
        const session = sse.get(searchParams.get('sessionId') ?? '');
        if (session === undefined) return refuse(request, response, 404, 'session not found');
        return session.transport.handlePostMessage(request, response);
      }
      return refuse(request, response, 405, 'method not allowed');
    },
    sessionIds: () => [...streamable.keys(), ...sse.keys()],
    async forgetSessions() {
      const sessions = all();
      streamable.clear();
      sse.clear();
      await Promise.all(sessions.map(({ server }) => server.close()));
    },
    async broadcast(send) {
      await Promise.all(all().map(({ server }) => send(server)));
    },
  };
}

async function handleStreamableHttp(
  sessions: Map<string, Session<StreamableHTTPServerTransport>>,
  options: McpApplicationOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  if (typeof id === 'string') {
    const session = sessions.get(id);
    // 404 makes the client initialize anew (MCP 2025-11-25, Session Management).
    if (session === undefined) return refuse(request, response, 404, 'session not found');
    return session.transport.handleRequest(request, response);
  }
  const server = createToolServer();
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: randomUUID,
    enableJsonResponse: options.jsonResponse,
    onsessioninitialized: (sessionId) => {
      sessions.set(sessionId, { server, transport });
    },
    ...(options.resumable && { eventStore: createMemoryEventStore() }),
    ...(options.retryMs !== undefined && { retryInterval: options.retryMs }),
  } satisfies StreamableHTTPServerTransportOptions);
  await connect(server, transport, () => sessions.delete(transport.sessionId ?? ''));
  await transport.handleRequest(request, response);
}

async function openSse(
  sessions: Map<string, Session<SSEServerTransport>>,
  response: ServerResponse,
): Promise<void> {
  const server = createToolServer();
  const transport = new SSEServerTransport(SSE_MESSAGES_PATH, response);
  sessions.set(transport.sessionId, { server, transport });
  await connect(server, transport, () => sessions.delete(transport.sessionId));
}

async function connect(
  server: Server,
  transport: StreamableHTTPServerTransport | SSEServerTransport,
  onClose: () => void,
): Promise<void> {
  server.onclose = onClose;
  // The SDK's classes declare `onclose?: T | undefined`, which exactOptionalPropertyTypes keeps
  // apart from its own interface.
  await server.connect(transport as Transport);
}

function refuse(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  message: string,
): void {
  request.resume();
  const error = { jsonrpc: '2.0', error: { code: -32_000, message }, id: null };
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(error));
}
