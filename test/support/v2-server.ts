import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream as NodeReadableStream } from 'node:stream/web';
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server';
import { z } from 'zod';

/** An MCP server of the SDK v2's own, for its protocol of 2026-07-28: calls, and `subscriptions/listen`. */
export interface V2Server {
  handle(request: IncomingMessage, response: ServerResponse): Promise<void>;
  /** Tells every subscription that the tools have changed. */
  notify(): void;
  close(): Promise<void>;
}

export function startV2Server(): V2Server {
  const handler = createMcpHandler(() => {
    const capabilities = { tools: { listChanged: true } };
    const server = new McpServer({ name: 'v2', version: '1' }, { capabilities });
    const inputSchema = z.object({ a: z.number(), b: z.number() });
    server.registerTool('add', { inputSchema }, async ({ a, b }) => ({
      content: [{ type: 'text', text: `${a + b}` }],
    }));
    return server;
  });
  return {
    async handle(request, response) {
      const { method = 'GET', headers } = request;
      const aborting = new AbortController();
      response.on('close', () => aborting.abort());
      const body = method === 'POST' ? Readable.toWeb(request) : null;
      const answer = await handler.fetch(
        new Request(`https://${headers.host}${request.url}`, {
          method,
          headers: headers as Record<string, string>,
          body: body as ReadableStream | null,
          duplex: 'half',
          signal: aborting.signal,
        } as RequestInit),
      );
      response.writeHead(answer.status, Object.fromEntries(answer.headers));
      if (answer.body === null) return void response.end();
      Readable.fromWeb(answer.body as NodeReadableStream)
        .on('error', () => response.destroy())
        .pipe(response);
    },
    notify: () => handler.notify.toolsChanged(),
    close: () => handler.close(),
  };
}
