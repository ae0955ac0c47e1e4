import type { IncomingHttpHeaders } from 'node:http';
import { Readable } from 'node:stream';
import type { Answer } from './exchange.js';
import type { ResponseBody } from './response-body.js';

/**
 * A response of the **global** class, whatever undici is behind it: the MCP SDK tests
 * `instanceof Response` to tell an OAuth error that it may act on (`client/auth.js`).
 *
 * It is built lazily. What is asked of nearly every answer (status, headers, `text`, `json`) is
 * answered without a stream and a real Response; everything else makes the real one and asks that.
 */
export function makeResponse(answer: Answer, url: URL, redirected: boolean): Response {
  // Fetch Standard §5.5: the URL of a response has no fragment.
  const href = url.hash === '' ? url.href : url.href.replace(/#.*$/, '');
  // Not when this file is loaded: the first look at Response loads Node.js's fetch, some 10 ms.
  if (Object.getPrototypeOf(LazyResponse.prototype) !== Response.prototype) becomeResponse();
  return new LazyResponse(answer, href, redirected) as unknown as Response;
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
    return isReasonPhrase(this.#statusText) ? this.#statusText : '';
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
    this.#stream ??= this.#body.stream();
    return this.#stream;
  }

  get bodyUsed(): boolean {
    if (this.#collected || this.#body?.piped) return true;
    if (this.#real !== undefined) return this.#real.bodyUsed;
    return this.#stream !== undefined && Readable.isDisturbed(this.#stream as never);
  }

  async text(): Promise<string> {
    const bytes = this.#collect();
    if (bytes === undefined) return this.materialize().text();
    // As Encoding Standard's "UTF-8 decode": a byte order mark is dropped.
    return new TextDecoder().decode(await bytes);
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    const bytes = this.#collect();
    if (bytes === undefined) return this.materialize().arrayBuffer();
    const { buffer, byteOffset, byteLength } = await bytes;
    const whole = byteOffset === 0 && byteLength === buffer.byteLength;
    return (whole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)) as ArrayBuffer;
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }

  clone(): Response {
    this.assertUsable();
    const clone = this.materialize().clone();
    const { url, redirected } = this;
    return Object.defineProperties(clone, {
      url: { value: url },
      redirected: { value: redirected },
    });
  }

  /** @throws {TypeError} once the body is somebody's (Fetch Standard §5.2, "unusable") */
  assertUsable(): void {
    const stream = this.#real === undefined ? this.#stream : this.#real.body;
    if (this.bodyUsed || stream?.locked) {
      throw new TypeError('Body is unusable: Body has already been read');
    }
  }

  /**
   * The whole body without a stream; `undefined` where a stream or a real response is there already.
   *
   * @throws {TypeError} as {@link assertUsable}
   */
  #collect(): Promise<Uint8Array> | undefined {
    this.assertUsable();
    const touched = this.#real !== undefined || this.#stream !== undefined;
    if (this.#body === null || touched) return undefined;
    this.#collected = true;
    return this.#body.collect();
  }

  /** The real response. Once the body was begun to be read without it, it has the head only. */
  materialize(): Response {
    if (this.#real !== undefined) return this.#real;
    const { status, statusText, headers } = this;
    const taken = this.bodyUsed || this.#stream?.locked;
    const stream = taken ? null : (this.#stream ?? this.#body?.stream() ?? null);
    const real = new Response(stream as never, { status, statusText, headers });
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
            async value(this: LazyResponse, ...args: unknown[]) {
              this.assertUsable();
              return value.apply(this.materialize(), args);
            },
          }
        : {
            get(this: LazyResponse) {
              return get.call(this.materialize());
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
