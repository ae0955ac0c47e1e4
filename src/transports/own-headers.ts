import { type HeaderList, readHeaders } from '../client/request-headers.js';
import type { FetchLike } from './client-like.js';

/**
 * Reads `headers` of the SDK's `requestInit`, which is where an API key stands for those who come from the SDK.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`; the message repeats no value
 */
export function readRequestHeaders(requestInit: RequestInit | undefined): {
  readonly headers: HeaderList | undefined;
  readonly rest: RequestInit;
} {
  const { headers, ...rest } = requestInit ?? {};
  return { headers: headers === undefined ? undefined : readHeaders(headers), rest };
}

/**
 * Sends `headers` with what goes to the server's own origin, unless the request has its own of the name, and
 * nowhere else: the SDKs alone send those of `requestInit` to every origin that the server names.
 */
export function withOwnHeaders(fetch: FetchLike, server: URL, headers: HeaderList): FetchLike {
  return (input, init) => {
    if (new URL(input).origin !== server.origin) return fetch(input, init);
    const all = new Headers(init?.headers);
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      if (!all.has(name)) all.append(name, headers[i + 1] as string);
    }
    return fetch(input, { ...init, headers: all });
  };
}
