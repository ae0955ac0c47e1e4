import type { StreamableHTTPClientTransportOptions } from '@modelcontextprotocol/client';
import type { TlsConnectionError, TlsTrustError } from '../errors.js';
import { count, type Declaration, declareOptions, flag, func, oneOf, text } from '../options.js';
import { linkStreamableHttp } from '../transports/linked-streamable-http.js';
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
import {
  parseJSONRPCMessage,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from './from-sdk/client.js';

/** The SDK's options without `fetch`, which is ours, and our own. */
export type StreamableHttpClientOptions = Omit<StreamableHTTPClientTransportOptions, 'fetch'> &
  LinkOptions;

const OPTIONS: Declaration<StreamableHttpClientOptions> =
  declareOptions<StreamableHttpClientOptions>(
    'streamableHttpClient: options',
    {
      ...LINK_FIELDS,
      ...SDK_FIELDS,
      authProvider: sdksOwn(),
      skipIssuerMetadataValidation: flag(),
      reconnectionOptions: sdksOwn(),
      reconnectionScheduler: func(),
      protocolVersion: text(),
      onInsufficientScope: oneOf('reauthorize', 'throw'),
      maxStepUpRetries: count(0),
    },
    { elsewhere: NOT_OPTIONS },
  );

const LinkedTransport = linkStreamableHttp<
  StreamableHTTPClientTransport,
  StreamableHTTPClientTransportOptions
>(StreamableHTTPClientTransport, UnauthorizedError, parseJSONRPCMessage);

/**
 * Makes the Streamable HTTP transport of the MCP SDK v2, as that of `mcp-tls` is made of v1: for protocol
 * 2026-07-28, where each request has a stream of its own, and for the versions before it.
 *
 * `connect()`, `send()` and the rest reject with our {@link TlsTrustError} or {@link TlsConnectionError}
 * itself. A call whose answer is a stream that breaks off, whoever ended it, rejects at once with the SDK's
 * `ProtocolError`, which has our error in `data`; unless the stream can be taken up again: then when the SDK
 * gives that up. A limit of `timeout` ends the call at once in any case.
 * `close()` ends the transport's requests, and its pool unless a `clientFactory` was given.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 * @example
 * const transport = streamableHttpClient('https://10.0.0.5:8443/mcp', { trust: certificatePem });
 * await client.connect(transport);
 */
export function streamableHttpClient(
  url: string | URL,
  options: StreamableHttpClientOptions,
): StreamableHTTPClientTransport {
  const server = readServerUrl(url);
  const { sdk, ours } = readTransportOptions(OPTIONS, options);
  return new LinkedTransport(server, sdk, makeServerLink(OPTIONS.whose, server, ours));
}
