import type { ClientLike } from '../../transports/client-like.js';
import {
  eventsOf,
  HttpStatusError,
  isAnswer,
  isEventStream,
  PingRequests,
  type PingTransport,
  parseMessages,
  type RpcMessage,
  type RpcRequest,
} from './ping-transport.js';

/** HTTP+SSE (MCP 2024-11-05), as far as a ping needs it: one request at a time, answered over the stream. */
export class SsePing implements PingTransport {
  readonly #url: URL;
  readonly #requests: PingRequests;
  #events: ReturnType<typeof eventsOf> | undefined;
  #endpoint: URL | undefined;

  constructor(url: URL, client: ClientLike) {
    this.#url = url;
    this.#requests = new PingRequests(client);
  }

  /** Resolves when the server has named its endpoint. */
  async start(): Promise<void> {
    const response = await this.#requests.request(this.#url, {
      method: 'GET',
      accept: 'text/event-stream',
    });
    if (!isEventStream(response)) {
      await response.body?.cancel();
      throw new HttpStatusError(response.status, 'no event stream');
    }
    this.#events = eventsOf(response);
    this.#endpoint = this.#sameOrigin(await this.#next('endpoint'));
  }

  async request(message: RpcRequest): Promise<RpcMessage> {
    await this.notify(message);
    while (true) {
      const messages = parseMessages(await this.#next('message'));
      const answer = messages.find((one) => isAnswer(one, message.id));
      if (answer !== undefined) return answer;
    }
  }

  async notify(body: object): Promise<void> {
    const endpoint = this.#endpoint as URL;
    const response = await this.#requests.request(endpoint, { method: 'POST', body });
    await response.body?.cancel();
  }

  setProtocolVersion(version: string): void {
    this.#requests.version = version;
  }

  /** The session is the stream. */
  async terminateSession(): Promise<void> {}

  close(): Promise<void> {
    return this.#requests.close();
  }

  /** The data of the next event of a type. */
  async #next(type: string): Promise<string> {
    while (true) {
      const { value, done } = (await this.#events?.next()) ?? { done: true, value: undefined };
      if (done || value === undefined) throw new Error('the server ended the session');
      if (value.type === type) return value.data;
    }
  }

  /** A server must not send its client's messages to somebody else. */
  #sameOrigin(endpoint: string): URL {
    // What cannot be parsed is not repeated: it may hold the token of the request.
    const url = URL.canParse(endpoint, this.#url.href) ? new URL(endpoint, this.#url) : undefined;
    if (url?.origin !== this.#url.origin) {
      throw new Error('the server named an endpoint of another origin');
    }
    return url as URL;
  }
}
