import { Buffer } from 'node:buffer';
import { invalidArgument } from '../assert.js';
import { hasHeader, readHeaders } from './request-headers.js';

/** A request body as a dispatcher takes it. */
export type RequestBody = string | Uint8Array | AsyncIterable<Uint8Array>;

/** What `fetch(input, init)` asks for, read out. */
export interface FetchRequest {
  readonly url: URL;
  readonly method: string;
  /** The caller's headers, and a content type if the body implies one. A list of this request's own. */
  readonly headers: string[];
  readonly body: RequestBody | null;
  readonly signal: AbortSignal | undefined;
  readonly redirect: 'follow' | 'manual' | 'error';
}

/**
 * Reads the arguments of `fetch` (Fetch Standard §5.4, as far as it means anything outside of a
 * browser). Errors are TypeErrors as from `fetch`, and none of them repeats the URL.
 */
export function readRequest(input: string | URL | Request, init: RequestInit = {}): FetchRequest {
  if ('dispatcher' in init && init.dispatcher !== undefined) {
    invalidArgument('this fetch has a dispatcher of its own: another one would not be verified');
  }
  const from = typeof input === 'string' || input instanceof URL ? undefined : input;
  const url = readUrl(from?.url ?? (input as string | URL));
  const method = readMethod(init.method ?? from?.method ?? 'GET');
  const headers = readHeaders(init.headers ?? from?.headers);
  const { body, contentType } = readBody(init.body ?? from?.body ?? null);
  if (body !== null && (method === 'GET' || method === 'HEAD')) {
    throw new TypeError('Request with GET/HEAD method cannot have body.');
  }
  if (contentType !== undefined && !hasHeader(headers, 'content-type')) {
    headers.push('content-type', contentType);
  }
  const redirect = init.redirect ?? from?.redirect ?? 'follow';
  const signal = init.signal ?? from?.signal ?? undefined;
  return { url, method, headers, body, signal, redirect };
}

function readUrl(input: string | URL): URL {
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    throw new TypeError('Failed to parse URL');
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('Request cannot be constructed from a URL that includes credentials');
  }
  return url;
}

/** Fetch Standard §2.2.1: only these are made upper case. */
function readMethod(method: string): string {
  const upper = method.toUpperCase();
  if (['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError('Forbidden method');
  return ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : method;
}

interface ReadBody {
  readonly body: RequestBody | null;
  readonly contentType?: string | undefined;
}

function readBody(body: RequestInit['body'] | null): ReadBody {
  if (body === null || body === undefined) return { body: null };
  if (typeof body === 'string') return { body, contentType: 'text/plain;charset=UTF-8' };
  if (body instanceof Uint8Array) return { body };
  if (ArrayBuffer.isView(body)) {
    return { body: Buffer.from(body.buffer, body.byteOffset, body.byteLength) };
  }
  if (body instanceof ArrayBuffer) return { body: Buffer.from(body) };
  if (body instanceof ReadableStream) return { body };
  if (Symbol.asyncIterator in body) return { body: body as AsyncIterable<Uint8Array> };
  if (body instanceof URLSearchParams) {
    const contentType = 'application/x-www-form-urlencoded;charset=UTF-8';
    return { body: body.toString(), contentType };
  }
  // FormData and Blob: the platform knows how to write them.
  const { body: stream, headers } = new Response(body);
  return { body: stream, contentType: headers.get('content-type') ?? undefined };
}
