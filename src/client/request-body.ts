import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
import { tagOf } from './foreign-body.js';
import { encodeMultipart } from './multipart.js';
import { requestError } from './request-error.js';
import { type HeaderList, hasHeader } from './request-headers.js';
import { StreamBody } from './stream-body.js';

/** A request body. All but a {@link StreamBody} have a known length and can be sent again. */
export type RequestBody = string | Uint8Array | Blob | StreamBody;

/** A body, and the content type that it implies. */
export interface ExtractedBody {
  readonly body: RequestBody | null;
  readonly contentType?: string | undefined;
}

/**
 * "Extract a body" (Fetch Standard §5.2). What is no body of the platform's becomes text, as there.
 *
 * @throws {TypeError} if the body is unusable: locked, read before, or an iterable without iterator
 */
export function extractBody(body: unknown): ExtractedBody {
  if (body === null || body === undefined) return { body: null };
  if (typeof body === 'string') return { body, contentType: TEXT };
  if (body instanceof Blob) {
    return { body: body.size === 0 ? '' : body, contentType: body.type || undefined };
  }
  if (body instanceof FormData) {
    const { body: form, contentType } = encodeMultipart(body);
    return { body: form as unknown as Blob, contentType };
  }
  if (body instanceof URLSearchParams) return { body: body.toString(), contentType: FORM };
  if (ArrayBuffer.isView(body)) {
    return { body: copyOf(attached(body)) };
  }
  // Of any realm: `instanceof` knows one only.
  const tag = tagOf(body);
  if (tag === '[object ArrayBuffer]')
    return { body: Buffer.from(new Uint8Array(body as ArrayBuffer)) };
  if (isStream(body)) return { body: streamBody(body) };
  if (isAsyncIterable(body)) return { body: iterableBody(body) };
  if (tag === '[object SharedArrayBuffer]') {
    throw requestError('the body of the request is shared memory: give a copy of it');
  }
  const contentType = tag === '[object URLSearchParams]' ? FORM : TEXT;
  return { body: asText(body), contentType };
}

const TEXT = 'text/plain;charset=UTF-8';
const FORM = 'application/x-www-form-urlencoded;charset=UTF-8';

/** @throws {TypeError} for a view of memory that went elsewhere: it would be sent as no bytes */
function attached<View extends ArrayBufferView>(view: View): View {
  if (view.byteLength === 0) view.buffer.slice(0, 0);
  return view;
}

/** "A copy of the bytes": they go out later, and are the caller's to write into once `fetch` has returned. */
function copyOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer {
  return Buffer.from(new Uint8Array(buffer, byteOffset, byteLength));
}

/** Whether a body comes in pieces, of a length that nobody knows: needs `duplex: 'half'`. */
export function isStreaming(body: unknown): boolean {
  return isStream(body) || (!(body instanceof Blob) && isAsyncIterable(body));
}

/**
 * The body of a Request object. The platform shows a stream only, whatever it was made of; what is at
 * hand is read, so that a string or a form keeps its length and can be sent again.
 *
 * @throws {TypeError} if the request was used: the body was read, or somebody is reading it
 */
export async function takeBody(request: Request): Promise<RequestBody | null> {
  const { body } = request;
  if (body === null || body === undefined) return null;
  const stream = extractBody(body).body;
  return stream instanceof StreamBody ? await stream.drain(READ_AHEAD_BYTES) : stream;
}

const READ_AHEAD_BYTES = 1_048_576;

/** A body as undici takes it, each time anew, and the headers that go with it. */
export function bodyToSend({ body, headers }: { body: RequestBody | null; headers: HeaderList }): {
  readonly body: string | Uint8Array | StreamBody | null;
  readonly headers: HeaderList;
} {
  if (!(body instanceof Blob)) return { body, headers };
  const length = hasHeader(headers, 'content-length') ? [] : ['content-length', `${body.size}`];
  const stream = body.stream() as ReadableStream<unknown>;
  return { body: StreamBody.ofStream(stream), headers: [...headers, ...length] };
}

function streamBody(stream: ReadableStream): StreamBody {
  assertUnused(stream);
  return StreamBody.ofStream(stream);
}

/** Of a stream of Node.js too. What was read before would go out as an empty body, or half of one. */
function assertUnused(stream: unknown): void {
  if ((stream as Partial<ReadableStream>).locked || Readable.isDisturbed(stream as never)) {
    throw requestError('the body of the request is locked, or was read before');
  }
}

function iterableBody(iterable: AsyncIterable<unknown>): StreamBody {
  assertUnused(iterable);
  try {
    return StreamBody.ofIterable(iterable);
  } catch (cause) {
    throw requestError('the body of the request is an iterable that gives no iterator', cause);
  }
}

/** The platform's, or one of another library, which need not be iterable. */
function isStream(body: unknown): body is ReadableStream {
  return (
    body instanceof ReadableStream ||
    typeof (body as Partial<ReadableStream>).getReader === 'function'
  );
}

function isAsyncIterable(body: unknown): body is AsyncIterable<unknown> {
  return typeof (body as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function';
}

function asText(body: unknown): string {
  try {
    return `${body}`;
  } catch (cause) {
    throw requestError('the body of the request is nothing that can be sent', cause);
  }
}
