import { Buffer } from 'node:buffer';
import { Readable } from 'node:stream';
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
  if (typeof body === 'string') return textBody(body);
  if (body instanceof Uint8Array) return { body };
  if (body instanceof Blob) {
    return { body: body.size === 0 ? '' : body, contentType: body.type || undefined };
  }
  if (body instanceof FormData) {
    const { body: form, contentType } = encodeMultipart(body);
    return { body: form as unknown as Blob, contentType };
  }
  if (body instanceof URLSearchParams) {
    const contentType = 'application/x-www-form-urlencoded;charset=UTF-8';
    return { body: body.toString(), contentType };
  }
  if (ArrayBuffer.isView(body)) {
    return { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
  }
  // Of any realm: `instanceof` knows one only.
  if (isArrayBuffer(body)) return { body: Buffer.from(body) };
  if (body instanceof ReadableStream) return { body: streamBody(body) };
  if (isAsyncIterable(body)) return { body: iterableBody(body) };
  return textBody(asText(body));
}

/** Whether a body comes in pieces, of a length that nobody knows: needs `duplex: 'half'`. */
export function isStreaming(body: unknown): boolean {
  return body instanceof ReadableStream || (!(body instanceof Blob) && isAsyncIterable(body));
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

function textBody(text: string): ExtractedBody {
  return { body: text, contentType: 'text/plain;charset=UTF-8' };
}

function streamBody(stream: ReadableStream): StreamBody {
  if (stream.locked || Readable.isDisturbed(stream as never)) {
    throw requestError('the body of the request is locked, or was read before');
  }
  return StreamBody.ofStream(stream);
}

function iterableBody(iterable: AsyncIterable<unknown>): StreamBody {
  try {
    return StreamBody.ofIterable(iterable);
  } catch (cause) {
    throw requestError('the body of the request is an iterable that gives no iterator', cause);
  }
}

function isArrayBuffer(body: unknown): body is ArrayBuffer {
  return Object.prototype.toString.call(body) === '[object ArrayBuffer]';
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
