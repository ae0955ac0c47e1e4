import type { IncomingMessage, ServerResponse } from 'node:http';
import { heldCertificate, startTlsServer, type TlsServer } from '../../../src/testing/index.js';

/** A message that a client posted, and the answer to give. */
export interface Posted {
  readonly id: string | number | undefined;
  readonly method: string | undefined;
  readonly message: Record<string, unknown>;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Answers in JSON. */
  json(body: unknown, status?: number): true;
  /** Answers by a stream, and gives what writes to it. */
  stream(): (text: string) => void;
}

export interface ScriptedServer {
  readonly tls: TlsServer;
  readonly url: string;
  readonly pem: string;
  readonly posted: Posted[];
}

/** A server that does what a test says: `initialize` and notifications are answered unless the test does. */
export async function startScriptedServer(script: {
  post?: (posted: Posted) => boolean | undefined;
  get?: (request: IncomingMessage, response: ServerResponse) => void;
}): Promise<ScriptedServer> {
  const certificate = await heldCertificate();
  const posted: Posted[] = [];
  const tls = await startTlsServer({
    certificate,
    async onRequest(request, response) {
      if (request.method === 'DELETE') return void response.writeHead(200).end();
      if (request.method === 'GET') {
        if (script.get === undefined) return void response.writeHead(405).end();
        return script.get(request, response);
      }
      let text = '';
      for await (const chunk of request) text += chunk;
      const one = asPosted(JSON.parse(text), request, response);
      posted.push(one);
      if (script.post?.(one) !== undefined) return;
      if (one.method === 'initialize') {
        response.setHeader('mcp-session-id', 's-1');
        const result = { protocolVersion: '2025-11-25', capabilities: {}, serverInfo: {} };
        return void one.json({ jsonrpc: '2.0', id: one.id, result });
      }
      response.writeHead(202).end();
    },
  });
  return { tls, url: `${tls.url}/mcp`, pem: certificate.pem, posted };
}

function asPosted(
  message: Record<string, unknown>,
  request: IncomingMessage,
  response: ServerResponse,
): Posted {
  return {
    id: message['id'] as number | undefined,
    method: message['method'] as string | undefined,
    ...{ message, request, response },
    json(body, status = 200) {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
      return true;
    },
    stream() {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      return (text) => void response.write(text);
    },
  };
}
