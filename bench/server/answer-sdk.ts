import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';

const sessions = new Map<string, StreamableHTTPServerTransport>();

/** The SDK's own server with a tool `echo`, as its examples have it: a transport for each session. */
export async function answerBySdk(
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const id = request.headers['mcp-session-id'];
  const transport = sessions.get(String(id)) ?? (await openSession(request.url === '/json'));
  await transport.handleRequest(request, response);
}

async function openSession(enableJsonResponse: boolean): Promise<StreamableHTTPServerTransport> {
  const transport = new StreamableHTTPServerTransport({
    enableJsonResponse,
    sessionIdGenerator: randomUUID,
    onsessioninitialized: (id) => void sessions.set(id, transport),
  });
  const server = new Server({ name: 'bench', version: '1' }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: 'text', text: String(params.arguments?.['text'] ?? '') }],
  }));
  // The SDK's class declares `sessionId?: T | undefined`, which exactOptionalPropertyTypes keeps
  // apart from its own interface.
  await server.connect(transport as never);
  return transport;
}
