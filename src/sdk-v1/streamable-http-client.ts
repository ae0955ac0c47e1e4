import type { StreamableHTTPClientTransportOptions } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { TlsConnectionError, TlsTrustError } from '../errors.js';
import { type Declaration, declareOptions } from '../options.js';
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
  JSONRPCMessageSchema,
  StreamableHTTPClientTransport,
  UnauthorizedError,
} from './from-sdk/streamable-http.js';
import { assertSpokenByV1 } from './modern-message.js';

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
      reconnectionOptions: sdksOwn(),
    },
    { elsewhere: NOT_OPTIONS },
  );

const Linked = linkStreamableHttp<
  StreamableHTTPClientTransport,
  StreamableHTTPClientTransportOptions
>(StreamableHTTPClientTransport, UnauthorizedError, (value) => JSONRPCMessageSchema.parse(value));

class LinkedTransport extends Linked {
  override async send(
    ...message: Parameters<StreamableHTTPClientTransport['send']>
  ): Promise<void> {
    assertSpokenByV1(message[0]);
    await super.send(...message);
  }
}

/**
 * Makes the MCP SDK's Streamable HTTP transport for a server that is trusted by `trust` or reached
 * by the clients of `clientFactory`. Every request of the transport, OAuth included, goes that way.
 *
 * `connect()`, `send()` and the rest reject with our {@link TlsTrustError} or {@link TlsConnectionError}
 * itself. A call whose answer is a stream that breaks off, whoever ended it, rejects at once with the SDK's
 * `McpError`, which has our error in `data`; unless the stream can be taken up again: then when the SDK
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
  const link = makeServerLink(OPTIONS.whose, server, ours);
  return new LinkedTransport(server, sdk, link);
}
