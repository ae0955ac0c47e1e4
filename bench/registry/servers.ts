/** A process with many MCP servers, each with a certificate and a port of its own. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { CallToolRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { heldCertificate } from '../../src/testing/index.js';
import { serveCalls } from '../../test/store/workers/serve-calls.js';

export interface BenchServer {
  readonly url: string;
  readonly certificatePem: string;
}

/** Connections to all of them together. */
export interface Connections {
  readonly open: number;
  /** The most that were open at a time since the last question. */
  readonly peak: number;
}

let [open, peak] = [0, 0];

serveCalls({
  async start(count: number): Promise<BenchServer[]> {
    return Promise.all(Array.from({ length: count }, startServer));
  },
  async connections(): Promise<Connections> {
    const now = { open, peak };
    peak = open;
    return now;
  },
});

async function startServer(): Promise<BenchServer> {
  const { pem: certificatePem, keyPem } = await heldCertificate();
  // So long that what ends a connection is the client.
  const options = { cert: certificatePem, key: keyPem, keepAliveTimeout: 600_000 };
  const server = createServer(options, (request, response) => void answer(request, response));
  server.on('connection', (socket) => {
    open++;
    peak = Math.max(peak, open);
    socket.on('error', () => {}).once('close', () => open--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `https://127.0.0.1:${port}/mcp`, certificatePem };
}

/** Without sessions and without a stream of its own, as MCP servers behind load balancers are. */
async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'POST') {
    response.writeHead(405).end();
    return;
  }
  const server = new Server({ name: 'bench', version: '1.0.0' }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, () => ({
    content: [{ type: 'text', text: 'done' }],
  }));
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  await server.connect(transport as Transport);
  await transport.handleRequest(request, response);
}
