import { isEventStreamType } from '../../client/event-stream-type.js';
import type { ClientLike } from '../../transports/client-like.js';

/** A JSON-RPC message, as much as a ping reads of it. */
export interface RpcMessage {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown } | null;
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

  /** @param what in our words: an answer may repeat the token of its request */
  constructor(status: number, what?: string) {
    super(`HTTP ${status}${what === undefined ? '' : `: ${what}`}`);
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
    await response.body?.cancel();
    throw new HttpStatusError(response.status);
  }

  /** Ends what still goes on. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#client.close?.();
  }
}

/** One event of a stream (HTML, Server-sent events). */
export interface StreamEvent {
  readonly type: string;
  readonly data: string;
}

/**
 * The events of a stream. Leaving the loop ends the stream.
 *
 * Of a stream that brings more than {@link MAX_ANSWER_BYTES} nothing more is read: an answer to a ping is small.
 */
export async function* eventsOf(response: Response): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let [type, data, bytesRead] = ['', [] as string[], 0];
  let rest = '';
  // At its end: it may be half of a line's end.
  let hasReturn = false;
  for await (const bytes of response.body ?? []) {
    bytesRead += (bytes as Uint8Array).length;
    if (bytesRead > MAX_ANSWER_BYTES) throw new Error('the event stream brings no answer');
    const text = decoder.decode(bytes as Uint8Array, { stream: true });
    rest += text;
    // What is a piece of a line is looked at once, however many there are.
    if (!hasReturn && !/[\r\n]/.test(text)) continue;
    hasReturn = rest.endsWith('\r');
    const lines = (hasReturn ? rest.slice(0, -1) : rest).split(/\r\n|\r|\n/);
    rest = `${lines.pop()}${hasReturn ? '\r' : ''}`;
    for (const line of lines) {
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) as RegExpExecArray;
      if (field === 'event') type = value;
      else if (field === 'data') data.push(value);
      else if (line === '') {
        if (data.length > 0) yield { type: type || 'message', data: data.join('\n') };
        [type, data] = ['', []];
      }
    }
  }
}

/** What an answer to a ping may have: it needs some hundred bytes. */
export const MAX_ANSWER_BYTES = 1_048_576;

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
  return isEventStreamType(response.headers.get('content-type'));
}
