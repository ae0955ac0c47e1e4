import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { ServerRegistry } from 'mcp-tls';

export const TRANSPORTS = ['streamable-http', 'sse'] as const;
export type ToolTransport = (typeof TRANSPORTS)[number];

export interface ToolLink {
  readonly registry: ServerRegistry;
  readonly id: string;
  readonly transport: ToolTransport;
  /** Ends it: whoever asked is gone. */
  readonly signal: AbortSignal;
}

/** For connecting and for a call, each. A tool that reports progress may take longer. */
const TIMEOUT_MS = 60_000;

/**
 * Opens an MCP session, has `use` talk over it, and ends it. Sessions are short and connections are
 * not: those stay in the registry's pool for the next session.
 */
export async function withSession<T>(
  link: ToolLink,
  use: (client: Client) => Promise<T>,
): Promise<T> {
  const { transport, end } = await openTransport(link);
  const client = new Client({ name: 'mcp-tls-gateway', version: '1.0.0' });
  try {
    await client.connect(transport, { signal: link.signal, timeout: TIMEOUT_MS });
    return await use(client);
  } finally {
    // The server may have ended it first, or be gone: then there is nothing to end.
    await end().catch(() => {});
    await client.close();
  }
}

async function openTransport({ registry, id, transport }: ToolLink) {
  if (transport === 'sse') {
    // Beside the registered URL, as servers that speak both have it: /mcp and /sse.
    return { transport: await registry.sseClient(id, { endpoint: 'sse' }), end: async () => {} };
  }
  const http = await registry.streamableHttpClient(id);
  return { transport: http, end: () => http.terminateSession() };
}

export async function listTools(link: ToolLink) {
  return withSession(link, async (client) => (await client.listTools()).tools);
}

export async function callTool(link: ToolLink, name: string, args: Record<string, unknown>) {
  return withSession(link, async (client) => {
    let progress = 0;
    const result = await client.callTool({ name, arguments: args }, undefined, {
      signal: link.signal,
      timeout: TIMEOUT_MS,
      resetTimeoutOnProgress: true,
      onprogress: () => {
        progress++;
      },
    });
    return { content: result.content, isError: result.isError === true, progress };
  });
}
