import { readEvents, type ServerEvent } from '../event-stream.js';
import { BridgeError, readMessages } from '../rpc.js';
import { MAX_MESSAGE_BYTES, type Upstream } from '../upstream.js';
import { answerKind, drop, statusError } from './http-answer.js';
import type { ClientSide, Outgoing, ServerSide } from './server-side.js';

/** For the first event of the stream, which says where messages go. */
const ENDPOINT_MS = 30_000;

/**
 * HTTP with SSE, the transport of 2024-11-05: one stream brings everything, and messages go where its first
 * event says. When the stream ends, so does the session.
 */
export class SseServer implements ServerSide {
  readonly #upstream: Upstream;
  readonly #client: ClientSide;
  readonly #closing = new AbortController();
  #endpoint: URL | undefined;
  #version: string | undefined;
  /** Why nothing can be sent any more. */
  #ended: unknown;

  constructor(upstream: Upstream, client: ClientSide) {
    this.#upstream = upstream;
    this.#client = client;
  }

  /** Opens the stream, and waits for its first event. */
  async open(): Promise<void> {
    const { url } = this.#upstream;
    const { signal } = this.#closing;
    const init = { method: 'GET', headers: { accept: 'text/event-stream' }, signal };
    const response = await this.#upstream.fetch(url, init);
    if (!response.ok) {
      throw await statusError(this.#upstream, response, { hasSession: false, ids: [] });
    }
    if (answerKind(response) !== 'events') {
      await drop(response);
      throw new BridgeError('bad-answer', `${url.host}: the answer is no event stream`);
    }
    const events = readEvents(response.body as ReadableStream, MAX_MESSAGE_BYTES);
    this.#endpoint = await this.#readEndpoint(events);
    void this.#read(events);
  }

  async #readEndpoint(events: AsyncGenerator<ServerEvent, void>): Promise<URL> {
    const { url } = this.#upstream;
    const timer = setTimeout(() => this.#closing.abort(), ENDPOINT_MS);
    try {
      for (;;) {
        const { value, done } = await events.next();
        if (done) break;
        if (value.event !== 'endpoint') continue;
        const endpoint = URL.canParse(value.data, url.href) ? new URL(value.data, url) : undefined;
        if (endpoint?.origin === url.origin) return endpoint;
        const message = `${url.host}: the server wants its messages sent to another origin: refused`;
        throw new BridgeError('bad-answer', message);
      }
    } catch (error) {
      this.#closing.abort();
      throw error;
    } finally {
      clearTimeout(timer);
    }
    throw new BridgeError('bad-answer', `${url.host}: the stream does not say where messages go`);
  }

  async #read(events: AsyncGenerator<ServerEvent, void>): Promise<void> {
    const { host } = this.#upstream.url;
    let cause: unknown;
    try {
      for await (const { event, data } of events) {
        if (event !== 'message' || data === '') continue;
        this.#learn(data);
        await this.#client.deliver(data);
      }
    } catch (error) {
      cause = error;
    }
    this.#ended = cause ?? new BridgeError('stream-ended', `${host}: the server ended the session`);
    if (!this.#closing.signal.aborted) this.#client.failAll(this.#ended);
  }

  /** The one answer that says it is that to `initialize`. */
  #learn(json: string): void {
    if (this.#version !== undefined) return;
    const [message] = readMessages(json) ?? [];
    const { protocolVersion } = Object(message?.result) as { readonly protocolVersion?: unknown };
    if (typeof protocolVersion === 'string' && /^[\w.-]{1,64}$/.test(protocolVersion)) {
      this.#version = protocolVersion;
    }
  }

  async send(out: Outgoing, onAccepted: () => void): Promise<void> {
    if (this.#ended !== undefined) throw this.#ended;
    const headers = {
      'content-type': 'application/json',
      ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
    };
    // Its answer comes by the stream: whoever cancels the call does not cut the message off.
    const init = { method: 'POST', headers, body: out.text, signal: this.#closing.signal };
    const response = await this.#upstream.fetch(this.#endpoint as URL, init);
    if (!response.ok) {
      throw await statusError(this.#upstream, response, { hasSession: true, ids: out.ids });
    }
    await drop(response);
    onAccepted();
  }

  listen(): void {
    // Its one stream is open.
  }

  async close(): Promise<void> {
    this.#closing.abort();
  }
}
