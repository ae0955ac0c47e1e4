import type { ClientLike } from '../../transports/client-like.js';
import {
  eventsOf,
  isAnswer,
  isEventStream,
  PingRequests,
  type PingTransport,
  parseMessages,
  type RpcMessage,
  type RpcRequest,
} from './ping-transport.js';

/** Streamable HTTP (MCP 2025-03-26 and later), as far as a ping needs it. */
export class HttpPing implements PingTransport {
  readonly #url: URL;
  readonly #requests: PingRequests;
  #session: string | undefined;

  constructor(url: URL, client: ClientLike) {
    this.#url = url;
    this.#requests = new PingRequests(client);
  }

  async start(): Promise<void> {}

  async request(message: RpcRequest): Promise<RpcMessage> {
    for await (const one of answersOf(await this.#post(message))) {
      if (isAnswer(one, message.id)) return one;
    }
    throw new Error(`${message.method}: the server ended its answer before the answer came`);
  }

  async notify(message: object): Promise<void> {
    const response = await this.#post(message);
    await response.body?.cancel();
  }

  setProtocolVersion(version: string): void {
    this.#requests.version = version;
  }

  async terminateSession(): Promise<void> {
    if (this.#session === undefined) return;
    const session = this.#session;
    const response = await this.#requests.request(this.#url, { method: 'DELETE', session });
    await response.body?.cancel();
  }

  close(): Promise<void> {
    return this.#requests.close();
  }

  async #post(body: object): Promise<Response> {
    const response = await this.#requests.request(this.#url, {
      method: 'POST',
      accept: 'application/json, text/event-stream',
      body,
      session: this.#session,
    });
    this.#session ??= response.headers.get('mcp-session-id') ?? undefined;
    return response;
  }
}

async function* answersOf(response: Response): AsyncGenerator<RpcMessage> {
  if (!isEventStream(response)) {
    yield* parseMessages(await response.text());
    return;
  }
  for await (const { type, data } of eventsOf(response)) {
    if (type === 'message' && data !== '') yield* parseMessages(data);
  }
}
