import {
  SSEClientTransport,
  type SSEClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/sse.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { makeOpenAnswers } from './open-answers.js';
import {
  makeServerLink,
  readServerUrl,
  type ServerLink,
  type ServerLinkOptions,
} from './server-link.js';
import { splitOptions } from './split-options.js';

/** The SDK's options without `fetch`, which is ours, and our own. */
export interface SseClientOptions
  extends Omit<SSEClientTransportOptions, 'fetch'>,
    ServerLinkOptions {}

/**
 * Makes the MCP SDK's HTTP+SSE transport (protocol 2024-11-05) for a server that is trusted by
 * `trust` or reached by the clients of `clientFactory`. Otherwise as {@link streamableHttpClient}.
 *
 * A `start()` that fails also closes: the SDK alone would go on trying every three seconds.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function sseClient(url: string | URL, options: SseClientOptions = {}): SSEClientTransport {
  const server = readServerUrl(url);
  const { sdk, ours } = splitOptions(options);
  return new LinkedSseTransport(server, sdk, makeServerLink(server, ours));
}

class LinkedSseTransport extends SSEClientTransport {
  readonly #link: ServerLink;
  readonly #answers = makeOpenAnswers();

  constructor(url: URL, options: SSEClientTransportOptions, link: ServerLink) {
    super(url, { ...options, fetch: link.fetch });
    this.#link = link;
    link.onPoolEnded((error) => {
      for (const answer of this.#answers.end(error, true)) this.onmessage?.(answer);
    });
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    this.#answers.sending(message);
    try {
      await super.send(message);
    } catch (error) {
      this.#answers.failed(message);
      throw error;
    }
    this.#answers.sent(message);
  }

  override async start(): Promise<void> {
    const deliver = this.onmessage;
    this.onmessage = (message) => {
      this.#answers.arrived(message);
      deliver?.(message);
    };
    try {
      await super.start();
    } catch (error) {
      await this.close();
      // The event source passes errors on as text only.
      throw (error as Error).name === 'UnauthorizedError' ? error : (this.#link.lastError ?? error);
    }
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#link.close();
  }
}
