import { isThenable } from './is-thenable.js';
import type { RequestBody } from './request-body.js';
import { type HeaderList, readHeaders } from './request-headers.js';

/** What a function of headers learns of the request that they are for. */
export interface HeadersRequest {
  readonly url: string;
  readonly method: string;
  /** As it will be sent; `undefined` where there is none, or where it is a stream. */
  readonly body: string | Uint8Array | undefined;
}

/**
 * Headers of a client: fixed ones, or a function that is asked before every request to the server's own
 * origin, such as to sign it. `undefined`: none for this request.
 */
export type HeadersSource =
  | NonNullable<RequestInit['headers']>
  | ((
      request: HeadersRequest,
    ) => RequestInit['headers'] | undefined | Promise<RequestInit['headers'] | undefined>);

/** Gives the headers of one request. A promise only where the caller's function gives one. */
export type HeaderSource = (request: HeadersRequest) => HeaderList | Promise<HeaderList>;

/**
 * Validates fixed headers once; those of a function each time that they are given. No message repeats a
 * value.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
 */
export function readHeaderSource(input: HeadersSource | undefined): HeaderList | HeaderSource {
  if (typeof input !== 'function') return readHeaders(input);
  return (request) => {
    const given = input(request);
    return isThenable(given) ? Promise.resolve(given).then(read) : read(given);
  };
}

function read(given: RequestInit['headers'] | undefined): HeaderList {
  return readHeaders(given ?? undefined);
}

/** The body as it is shown to a function of headers: a copy of bytes, since they are sent after it. */
export function shownBody(body: RequestBody | null): string | Uint8Array | undefined {
  if (typeof body === 'string') return body;
  return body instanceof Uint8Array ? Uint8Array.from(body) : undefined;
}
