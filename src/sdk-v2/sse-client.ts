import type { SSEClientTransportOptions } from '@modelcontextprotocol/client';
import { type Declaration, declareOptions, flag } from '../options.js';
import { linkSse } from '../transports/linked-sse.js';
import {
  NOT_OPTIONS,
  readTransportOptions,
  SDK_FIELDS,
  sdksOwn,
} from '../transports/read-transport-options.js';
import {
  LINK_FIELDS,
  type LinkOptions,
  makeServerLink,
  readServerUrl,
} from '../transports/server-link.js';
import { SSEClientTransport, UnauthorizedError } from './from-sdk/client.js';

/** The SDK's options without `fetch` and `eventSourceInit`, which are ours, and our own. */
export type SseClientOptions = Omit<SSEClientTransportOptions, 'fetch' | 'eventSourceInit'> &
  LinkOptions;

const OPTIONS: Declaration<SseClientOptions> = declareOptions<SseClientOptions>(
  'sseClient: options',
  {
    ...LINK_FIELDS,
    authProvider: sdksOwn(),
    skipIssuerMetadataValidation: flag(),
    requestInit: SDK_FIELDS.requestInit,
    redirectPolicy: SDK_FIELDS.redirectPolicy,
  },
  { elsewhere: NOT_OPTIONS },
);

const LinkedTransport = linkSse<SSEClientTransport, SSEClientTransportOptions>(
  SSEClientTransport,
  UnauthorizedError,
);

/**
 * Makes the HTTP+SSE transport (protocol 2024-11-05) of the MCP SDK v2, as that of `mcp-tls` is made of v1.
 *
 * A `start()` that fails also closes. When the stream breaks later, the calls that wait for answers over it
 * reject at once; it is opened again, and the transport closes (`onerror` with our error, then `onclose`)
 * when the server is refused then, or cannot be reached 20 times in a row.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function sseClient(url: string | URL, options: SseClientOptions): SSEClientTransport {
  const server = readServerUrl(url);
  const { sdk, ours } = readTransportOptions(OPTIONS, options);
  return new LinkedTransport(server, sdk, makeServerLink(OPTIONS.whose, server, ours));
}
