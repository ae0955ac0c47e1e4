import { createParser, type EventSourceMessage } from 'eventsource-parser';
import { brief, printable } from '../../certificate/printable.js';
import type { ClientLike } from '../../transports/link.js';

/** A JSON-RPC message, as much as a ping reads of it. */
export interface RpcMessage {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message?: unknown };
}

export interface RpcRequest {
  readonly id: number;
  readonly method: string;
}

/**
 * A transport for one exchange, over a fetch and without an SDK: whichever SDK an application has, or none, a
 * check is the same. What it rejects with is final.
 */
export interface PingTransport {
  start(): Promise<void>;
  /** @returns the answer, which may be an error */
  request(message: RpcRequest): Promise<RpcMessage>;
  notify(message: object): Promise<void>;
  /** What was negotiated, for the requests that follow. */
  setProtocolVersion(version: string): void;
  /** Ends the session at the server, so that it need not keep it. */
  terminateSession(): Promise<void>;
  /** Ends what is under way, which rejects. */
  close(): Promise<void>;
}

/** The server answered with a status that is no success. */
export class HttpStatusError extends Error {
  override readonly name = 'HttpStatusError';
  readonly status: number;

  constructor(status: number, text: string) {
    const said = text === '' ? '' : `: ${brief(printable(text))}`;
    super(`HTTP ${status}${said}`);
    this.status = status;
  }
}

/** What the requests of one exchange have in common: their client, signal and negotiated version. */
export class PingRequests {
  version: string | undefined;
  readonly #client: ClientLike;
  readonly #ending = new AbortController();

  constructor(client: ClientLike) {
    this.#client = client;
  }

  /** @throws {HttpStatusError} */
  async request(
    url: URL,
    init: { method: string; accept?: string; body?: object; session?: string | undefined },
  ): Promise<Response> {
    const { method, accept, body, session } = init;
    const response = await this.#client(url, {
      method,
      signal: this.#ending.signal,
      headers: {
        ...(accept === undefined ? {} : { accept }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(session === undefined ? {} : { 'mcp-session-id': session }),
        ...(this.version === undefined ? {} : { 'mcp-protocol-version': this.version }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (response.ok) return response;
    throw new HttpStatusError(response.status, await response.text().catch(() => ''));
  }

  /** Ends what still goes on. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#client.close?.();
  }
}

/** The events of a stream. Leaving the loop ends the stream. */
export async function* eventsOf(response: Response): AsyncGenerator<EventSourceMessage> {
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  const decoder = new TextDecoder();
  for await (const bytes of response.body ?? []) {
    parser.feed(decoder.decode(bytes as Uint8Array, { stream: true }));
    yield* events.splice(0);
  }
}

/** One message, or several in a batch. Nothing of what is none is quoted. */
export function parseMessages(text: string): readonly RpcMessage[] {
  try {
    return [JSON.parse(text)].flat().filter((one) => typeof one === 'object' && one !== null);
  } catch {
    throw new Error('the server answered with something else than JSON');
  }
}

/** Whether it is the answer to the request with this id. Servers may ask and notify in between. */
export function isAnswer(message: RpcMessage, id: number): boolean {
  return message.method === undefined && message.id === id;
}

export function isEventStream(response: Response): boolean {
  return /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
}
