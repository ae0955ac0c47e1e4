import {
  StreamableHTTPClientTransport,
  type StreamableHTTPClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { TlsConnectionError, TlsTrustError } from '../errors.js';
import { type Declaration, declareOptions } from '../options.js';
import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { endedEarly } from './ended-early.js';
import type { ServerLink } from './link.js';
import { OpenAnswers } from './open-answers.js';
import {
  NOT_OPTIONS,
  readTransportOptions,
  SDK_FIELDS,
  sdksOwn,
} from './read-transport-options.js';
import { LINK_FIELDS, type LinkOptions, makeServerLink, readServerUrl } from './server-link.js';
import { isAbandoned } from './under-way.js';

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
  return new LinkedStreamableHttpTransport(server, sdk, link);
}

/** A call is not taken up again after it was closed, nor past the limit that it was given. */
const FINAL: ReadonlySet<unknown> = new Set(['MCP_TLS_CLOSED', 'MCP_TLS_TIMEOUT']);

class LinkedStreamableHttpTransport extends StreamableHTTPClientTransport {
  readonly #link: ServerLink;
  readonly #answers = new OpenAnswers();
  readonly #server: URL;
  readonly #parts: Cancelling;

  constructor(url: URL, options: StreamableHTTPClientTransportOptions, link: ServerLink) {
    super(url, { ...options, fetch: link.fetch });
    this.#link = link;
    this.#server = url;
    this.#parts = { server: url, link, answers: this.#answers };
    link.listener = {
      poolEnded: (error, final) => this.#deliver(this.#answers.end(error, final)),
      streamEnded: (init, error) => this.#onStreamEnded(init?.body, error),
      callAfter: (eventId) => this.#answers.resume(eventId),
      isUnwanted: (eventId) => this.#answers.isUnwanted(eventId),
    };
  }

  #onStreamEnded(request: unknown, error: Error | undefined): void {
    if (typeof request !== 'string' || this.#answers.size === 0) return;
    const final = FINAL.has((error as { code?: unknown } | undefined)?.code);
    const why = error ?? endedEarly(this.#server);
    this.#deliver(this.#answers.streamEnded(JSON.parse(request), why, final));
  }

  #deliver(answers: readonly JSONRPCMessage[]): void {
    for (const answer of answers) this.onmessage?.(answer);
  }

  override async start(): Promise<void> {
    this.#answers.watch(this);
    const report = this.onerror;
    this.onerror = (error) => {
      if (isAbandoned(error)) return;
      report?.(error);
      // The SDK says no more than that when it gives a stream up.
      if (!error.message.startsWith('Maximum reconnection attempts')) return;
      this.#deliver(this.#answers.endBroken(this.#link.lastError ?? endedEarly(this.#server)));
    };
    await super.start();
  }

  override async send(
    message: JSONRPCMessage | JSONRPCMessage[],
    options: Parameters<StreamableHTTPClientTransport['send']>[1] = {},
  ): Promise<void> {
    const onresumptiontoken = (token: string): void => {
      this.#answers.resumable(message, token);
      options.onresumptiontoken?.(token);
    };
    const send = (): Promise<void> => super.send(message, { ...options, onresumptiontoken });
    const call = cancelledCall(message);
    if (call === undefined) await this.#answers.whileSending(message, send);
    else await sendCancellation(this.#parts, call, message, send);
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#link.close();
  }
}
