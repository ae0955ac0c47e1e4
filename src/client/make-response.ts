import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Answer } from './exchange-request.js';
import type { BodyEnded, ResponseBody } from './response-body.js';
import { UnreadBody } from './unread-body.js';
import { withoutFragment } from './url-text.js';

/**
 * A response of the **global** class, whatever undici is behind it: the MCP SDK tests
 * `instanceof Response` to recognize an OAuth error that it may act on (`client/auth.js`).
 *
 * It is built lazily. What is asked of nearly every answer (status, headers, `text`, `json`) is
 * answered without a stream and a real Response; everything else makes the real one and asks that.
 *
 * A response that is dropped unread frees its connection when it is collected.
 */
export function makeResponse(answer: Answer, url: URL, redirected: boolean): Response {
  // Not when this file is loaded: the first look at Response loads Node.js's fetch, some 10 ms.
  if (Object.getPrototypeOf(LazyResponse.prototype) !== Response.prototype) becomeResponse();
  // Fetch Standard §5.5: the URL of a response has no fragment.
  const response = new LazyResponse(answer, withoutFragment(url), redirected);
  // Most answers are here in full: they hold no connection.
  const { body } = answer;
  if (body !== null && !body.complete) body.heldBy(response);
  return response as unknown as Response;
}

const BODY = Symbol.for('mcp-tls.response.body');

/** What may be learned of the body of a response from outside. */
export interface BodyEvents {
  /** Nothing more of it will be read: it came to its end, or why not. */
  readonly ended?: BodyEnded;
  /** Its last byte has come, or none will: it needs no connection any more. */
  readonly complete?: () => void;
}

/**
 * Reports what becomes of the body of `response`, each once.
 *
 * @returns whether that can be known: only of responses of ours, of this copy or another
 */
export function watchBody(response: Response, { ended, complete }: BodyEvents): boolean {
  if (!(BODY in response)) return false;
  const body = response[BODY] as ResponseBody | null;
  if (body === null) {
    ended?.(undefined);
    complete?.();
  } else {
    if (ended !== undefined) body.onEnded(ended);
    if (complete !== undefined) body.onComplete(complete);
  }
  return true;
}

/** Has `response.body` be an {@link UnreadBody} from now on, if the response is of ours and nobody has asked for it. */
export function leaveUnread(response: Response): void {
  if (response instanceof LazyResponse) response.leaveUnread();
}

class LazyResponse {
  readonly url: string;
  readonly redirected: boolean;
  readonly status: number;
  readonly #statusText: string;
  readonly #raw: IncomingHttpHeaders;
  readonly #body: ResponseBody | null;
  #headers: Headers | undefined;
  #stream: ReadableStream | undefined;
  #unread: UnreadBody | undefined;
  #real: Response | undefined;
  /** Read without a stream. */
  #collected = false;

  constructor({ status, statusText, headers, body }: Answer, url: string, redirected: boolean) {
    this.url = url;
    this.redirected = redirected;
    this.status = status;
    this.#statusText = statusText;
    this.#raw = headers;
    this.#body = body;
  }

  get ok(): boolean {
    return this.status >= 200 && this.status <= 299;
  }

  get statusText(): string {
    return this.#statusText;
  }

  get headers(): Headers {
    this.#headers ??= makeHeaders(this.#raw);
    return this.#headers;
  }

  get body(): ReadableStream | null {
    if (this.#body === null) return null;
    if (this.#collected) return usedStream();
    // Cloning has put another in its place.
    if (this.#real !== undefined) return this.#real.body;
    if (this.#unread !== undefined) return this.#unread as unknown as ReadableStream;
    this.#stream ??= this.#body.stream();
    return this.#stream;
  }

  leaveUnread(): void {
    const body = this.#body;
    if (body === null || this.#collected || this.#real !== undefined || this.#stream !== undefined)
      return;
    this.#unread = new UnreadBody(body, () => {
      this.#unread = undefined;
      return this.body as ReadableStream;
    });
  }

  get bodyUsed(): boolean {
    if (this.#collected || this.#body?.piped) return true;
    if (this.#real !== undefined) return this.#real.bodyUsed;
    return this.#stream !== undefined && Readable.isDisturbed(this.#stream as never);
  }

  async text(): Promise<string> {
    const bytes = this.#collect();
    if (bytes === undefined) return this.#materialize().text();
    // As Encoding Standard's "UTF-8 decode": a byte order mark is dropped.
    return new TextDecoder().decode(await bytes);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#collect();
    if (bytes === undefined) return this.#materialize().arrayBuffer();
    const { buffer, byteOffset, byteLength } = await bytes;
    const whole = byteOffset === 0 && byteLength === buffer.byteLength;
    return (whole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  clone(): Response {
    this.#assertUsable();
    const clone = this.#materialize().clone();
    const { url, redirected, status, ok, statusText } = this;
    return Object.defineProperties(clone, {
      url: { value: url },
      redirected: { value: redirected },
      // The constructor takes none over 599.
      status: { value: status },
      ok: { value: ok },
      statusText: { value: statusText },
    });
  }

  /** `blob`, `bytes`, `formData` and what is to come: done by a real response over the whole body. */
  async readAs(method: (this: Response) => unknown): Promise<unknown> {
    const bytes = this.#collect();
    if (bytes === undefined) return method.call(this.#materialize());
    const { headers } = this;
    return method.call(new Response((await bytes) as never, { headers }));
  }

  /** What else there is to see of a response. */
  look(get: (this: Response) => unknown): unknown {
    return get.call(this.#materialize());
  }

  get [BODY](): ResponseBody | null {
    return this.#body;
  }

  /** @throws {TypeError} once the body is somebody's (Fetch Standard §5.2, "unusable") */
  #assertUsable(): void {
    const stream = this.#real === undefined ? this.#stream : this.#real.body;
    if (this.bodyUsed || stream?.locked) {
      throw new TypeError('Body is unusable: Body has already been read');
    }
  }

  /**
   * The whole body without a stream; `undefined` where there is none, or somebody has its stream.
   *
   * @throws {TypeError} as {@link #assertUsable}
   */
  #collect(): Promise<Uint8Array> | undefined {
    this.#assertUsable();
    const touched = this.#real !== undefined || this.#stream !== undefined;
    if (this.#body === null || touched) return undefined;
    this.#collected = true;
    return this.#body.collect();
  }

  /** The real response. Once the body was begun to be read without it, it has the head only. */
  #materialize(): Response {
    if (this.#real !== undefined) return this.#real;
    const { status, headers } = this;
    const statusText = isReasonPhrase(this.#statusText) ? this.#statusText : '';
    const taken = this.bodyUsed || this.#stream?.locked;
    const stream = taken ? null : (this.#stream ?? this.#body?.stream() ?? null);
    const init = { status: status > 599 ? 200 : status, statusText, headers };
    const real = new Response(stream as never, init);
    if (!taken) this.#real = real;
    return real;
  }
}

/**
 * Makes a LazyResponse a Response to `instanceof`, and has whatever else a Response can do, in this
 * Node.js or a later one, done by the real one.
 */
function becomeResponse(): void {
  const own = LazyResponse.prototype;
  const all = Object.entries(Object.getOwnPropertyDescriptors(Response.prototype));
  for (const [name, { get, value }] of all) {
    if (Object.hasOwn(own, name) || FIELDS.has(name)) continue;
    const forwarded: PropertyDescriptor =
      get === undefined
        ? {
            // All methods but clone read the body.
            async value(this: LazyResponse) {
              return this.readAs(value);
            },
          }
        : {
            get(this: LazyResponse) {
              return this.look(get as (this: Response) => unknown);
            },
          };
    Object.defineProperty(own, name, { configurable: true, ...forwarded });
  }
  Object.setPrototypeOf(own, Response.prototype);
}

const FIELDS: ReadonlySet<string> = new Set(['url', 'redirected', 'status']);

/** What `body` is after it was read: a stream that somebody else has. */
function usedStream(): ReadableStream {
  const stream = new ReadableStream();
  stream.getReader();
  return stream;
}

function makeHeaders(raw: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const name in raw) {
    const value = raw[name];
    if (typeof value === 'string') headers.append(name, value);
    else for (const one of value ?? []) headers.append(name, one);
  }
  return headers;
}

/** RFC 9112 §4, as the Response constructor demands it; servers send all sorts. */
function isReasonPhrase(text: string): boolean {
  return /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
}
