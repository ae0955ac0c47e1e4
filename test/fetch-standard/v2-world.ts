import type { ServerResponse } from 'node:http';
import {
  type FetchLike,
  type JSONRPCMessage,
  SdkError,
  SSEClientTransport,
  type SSEClientTransportOptions,
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/client';
import { startTlsServer, type TlsServer } from '../../src/testing/index.js';

/** What a request was, as far as it matters to MCP. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a POST. */
  readonly body?: unknown;
}

/** Answers the `n`-th request of a scenario, from 0. */
export type Answer = (asked: Asked, response: ServerResponse, n: number) => unknown;

/** A scripted MCP server, and what arrived there. */
export interface V2World {
  readonly url: URL;
  readonly sseUrl: URL;
  /** Of another origin. */
  readonly elsewhere: URL;
  readonly fetch: FetchLike;
  readonly seen: Asked[];
  /** Answers that the client gave up before they had ended. */
  readonly givenUp: string[];
  readonly server: TlsServer;
  onEnd(close: () => unknown): void;
}

const SHOWN = /^(accept|authorization|content-type|last-event-id|mcp-.*|x-.*)$/;

/** Starts a server with `answer` for a certificate, reached by `fetch`. */
export async function startV2World(
  certificate: Parameters<typeof startTlsServer>[0]['certificate'],
  fetch: FetchLike,
  answer: Answer,
): Promise<V2World & { end(): Promise<void> }> {
  const seen: Asked[] = [];
  const givenUp: string[] = [];
  const closers: (() => unknown)[] = [];
  const server = await startTlsServer({
    certificate,
    async onRequest(request, response) {
      let text = '';
      for await (const piece of request) text += piece;
      const { method = '', url = '', headers } = request;
      const shown = Object.entries(headers).filter(([name]) => SHOWN.test(name));
      const asked: Asked = {
        method,
        path: url,
        headers: Object.fromEntries(shown) as Record<string, string>,
        ...(text === '' ? {} : { body: JSON.parse(text) }),
      };
      response.on('close', () => {
        if (!response.writableFinished) givenUp.push(`${method} ${url}`);
      });
      await answer(asked, response, seen.push(asked) - 1);
    },
  });
  const elsewhere = await startTlsServer({ certificate });
  return {
    url: new URL('/mcp', server.url),
    sseUrl: new URL('/sse', server.url),
    elsewhere: new URL('/mcp', elsewhere.url),
    fetch,
    seen,
    givenUp,
    server,
    onEnd: (close) => closers.push(close),
    async end() {
      for (const close of closers.reverse()) await close();
      await server.close();
      await elsewhere.close();
    },
  };
}

/** Reconnections that a test can wait for. */
const FAST = {
  initialReconnectionDelay: 5,
  maxReconnectionDelay: 5,
  reconnectionDelayGrowFactor: 1,
  maxRetries: 2,
};

/** A transport of the SDK's own, and what came out of it. */
export interface Link<Transport> {
  readonly transport: Transport;
  readonly messages: JSONRPCMessage[];
  readonly errors: unknown[];
  readonly closed: () => number;
}

export async function streamable(
  world: V2World,
  options: StreamableHTTPClientTransportOptions = {},
): Promise<Link<StreamableHTTPClientTransport>> {
  const { url, fetch } = world;
  const given = { fetch, reconnectionOptions: FAST, ...options };
  const link = listen(world, new StreamableHTTPClientTransport(url, given));
  await link.transport.start();
  return link;
}

/** Not started: for a server that refuses, that rejects. */
export function sse(
  world: V2World,
  options: SSEClientTransportOptions = {},
): Link<SSEClientTransport> {
  const { sseUrl, fetch } = world;
  return listen(world, new SSEClientTransport(sseUrl, { fetch, ...options }));
}

function listen<Transport extends SSEClientTransport | StreamableHTTPClientTransport>(
  world: V2World,
  transport: Transport,
): Link<Transport> {
  const messages: JSONRPCMessage[] = [];
  const errors: unknown[] = [];
  let closed = 0;
  transport.onmessage = (message) => void messages.push(message);
  transport.onerror = (error) => void errors.push(told(error));
  transport.onclose = () => void closed++;
  world.onEnd(() => transport.close());
  return { transport, messages, errors, closed: () => closed };
}

/** An error by what callers tell it by. The words of a network error are the fetch's own. */
function told(error: unknown): unknown {
  const { name, code, status, message } = error as Error & { code?: unknown; status?: unknown };
  if (error instanceof SdkError) {
    return { name: error.constructor.name, code, status, message: withoutPorts(message) };
  }
  const words =
    /^(SSE stream disconnected|Failed to reconnect SSE stream|Maximum .*|Endpoint origin|Error POSTing to endpoint \(HTTP \d+\))/;
  return { name, begins: words.exec(message)?.[0] };
}

function withoutPorts(text: string): string {
  return text.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1');
}

/** What a call rejects with, or `resolves`. */
export async function outcome(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => 'resolves',
    (error: unknown) => told(error),
  );
}

/** Waits for what has to come. @throws if it does not */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 2_000; i++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`it never came: ${what}`);
}

/** Time for what must not come. */
export const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 60));
