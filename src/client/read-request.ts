import { McpTlsError } from '../errors.js';
import { ownBody } from './foreign-body.js';
import { extractBody, type RequestBody, takeBody } from './request-body.js';
import { requestError } from './request-error.js';
import { hasHeader, readHeaders, TOKEN } from './request-headers.js';
import { type Redirect, readInit } from './request-init.js';

/** What `fetch(input, init)` asks for, read out. */
export interface FetchRequest {
  readonly url: URL;
  readonly method: string;
  /** The caller's headers, and a content type if the body implies one. A list of this request's own. */
  readonly headers: string[];
  readonly body: RequestBody | null;
  readonly signal: AbortSignal | undefined;
  readonly redirect: Redirect;
}

/**
 * Reads the arguments of `fetch` as the Fetch Standard does (§5.4), as far as it means anything
 * outside of a browser. None of the errors repeats the URL; what the caller's own objects throw is the
 * cause of one. A promise only for a Request that has a body, and for bodies of other libraries.
 *
 * @param address the URL, if it was read before
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readRequest(
  input: string | URL | Request,
  init?: RequestInit | null,
  address?: string,
): FetchRequest | Promise<FetchRequest> {
  try {
    const request = read(input, init, address);
    return request instanceof Promise ? request.catch(asRequestError) : request;
  } catch (error) {
    return asRequestError(error);
  }
}

function asRequestError(cause: unknown): never {
  if (cause instanceof McpTlsError) throw cause;
  throw requestError('the arguments of the fetch cannot be read', cause);
}

function read(
  input: string | URL | Request,
  init: RequestInit | null | undefined,
  address: string | undefined,
): FetchRequest | Promise<FetchRequest> {
  // Nearly always the MCP SDK's: a plain object, and nothing unusual in it.
  const given = readInit(init ?? {});
  const from = asRequest(input);
  const url = readUrl(address ?? from?.url ?? (input as string | URL));
  const method = readMethod(given.method === undefined ? (from?.method ?? 'GET') : given.method);
  const headers = readHeaders(given.headers === undefined ? from?.headers : given.headers);
  const signal = readSignal(given.signal === undefined ? from?.signal : given.signal);
  const redirect = given.redirect ?? from?.redirect ?? 'follow';
  if (from !== undefined && readsRequest(from, given.body, method)) {
    return takeBody(from).then((body) => ({ url, method, headers, body, signal, redirect }));
  }
  if (given.body !== undefined && given.body !== null) assertMayHaveBody(method);
  const withBody = (given: unknown): FetchRequest => {
    const { body, contentType } = extractBody(given);
    if (contentType !== undefined && !hasHeader(headers, 'content-type')) {
      headers.push('content-type', contentType);
    }
    return { url, method, headers, body, signal, redirect };
  };
  return ownBody(given.body)?.then(withBody) ?? withBody(given.body);
}

/** The platform's, or one of another realm or library. */
function asRequest(input: unknown): Request | undefined {
  if (typeof input !== 'object' || input === null || input instanceof URL) return undefined;
  const { url, method } = input as Partial<Request>;
  return typeof url === 'string' && typeof method === 'string' ? (input as Request) : undefined;
}

/** Whether the body is the Request's. */
function readsRequest(from: Request, body: unknown, method: string): boolean {
  if (body !== undefined && body !== null) return false;
  if (from.body === null || from.body === undefined) return false;
  assertMayHaveBody(method);
  if (from.bodyUsed || from.body.locked) {
    throw requestError('the Request was used before: its body was read, or is being read');
  }
  return true;
}

function assertMayHaveBody(method: string): void {
  if (method === 'GET' || method === 'HEAD') {
    throw requestError('a request with method GET or HEAD cannot have a body');
  }
}

function readUrl(input: string | URL): URL {
  let url: URL;
  try {
    url = new URL(input);
  } catch {
    throw requestError('the URL cannot be parsed: an absolute one is needed');
  }
  if (url.username !== '' || url.password !== '') {
    throw requestError('the URL includes credentials: give them as auth, or as a header');
  }
  return url;
}

const NORMAL = new Set(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT']);
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Fetch Standard §2.2.1: only these are made upper case. */
function readMethod(input: unknown): string {
  if (NORMAL.has(input as string)) return input as string;
  let method: string;
  try {
    method = `${input}`;
  } catch (cause) {
    throw requestError('the method is not a string', cause);
  }
  const upper = method.toUpperCase();
  if (!TOKEN.test(method) || FORBIDDEN.has(upper)) {
    throw requestError('the method is not one that fetch can send');
  }
  return NORMAL.has(upper) ? upper : method;
}

/** Whatever works as an AbortSignal: older libraries bring one of their own. */
function readSignal(signal: unknown): AbortSignal | undefined {
  if (signal === undefined || signal === null) return undefined;
  const { aborted, addEventListener, removeEventListener } = signal as Partial<AbortSignal>;
  const listens = typeof addEventListener === 'function';
  if (typeof aborted !== 'boolean' || !listens || typeof removeEventListener !== 'function') {
    throw requestError('the signal is not an AbortSignal');
  }
  return signal as AbortSignal;
}
