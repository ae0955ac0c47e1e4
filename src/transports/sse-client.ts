import {
  SSEClientTransport,
  type SSEClientTransportOptions,
} from '@modelcontextprotocol/sdk/client/sse.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { McpTlsError } from '../errors.js';
import { type Declaration, declareOptions } from '../options.js';
import { type Cancelling, cancelledCall, sendCancellation } from './cancellation.js';
import { callTimedOut, endedEarly } from './ended-early.js';
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

/** The SDK's options without `fetch` and `eventSourceInit`, which are ours, and our own. */
export type SseClientOptions = Omit<SSEClientTransportOptions, 'fetch' | 'eventSourceInit'> &
  LinkOptions;

const OPTIONS: Declaration<SseClientOptions> = declareOptions<SseClientOptions>(
  'sseClient: options',
  {
    ...LINK_FIELDS,
    authProvider: sdksOwn(),
    requestInit: SDK_FIELDS.requestInit,
    redirectPolicy: SDK_FIELDS.redirectPolicy,
  },
  { elsewhere: NOT_OPTIONS },
);

/**
 * Makes the MCP SDK's HTTP+SSE transport (protocol 2024-11-05) for a server that is trusted by
 * `trust` or reached by the clients of `clientFactory`. Otherwise as {@link streamableHttpClient}.
 *
 * A `start()` that fails also closes: the SDK alone would go on trying every three seconds. When the
 * stream breaks later, the calls that wait for answers over it reject at once; it is opened again, and
 * the transport closes (`onerror` with our error, then `onclose`) when the server is refused then, or
 * cannot be reached {@link MAX_RECONNECTIONS} times in a row.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function sseClient(url: string | URL, options: SseClientOptions): SSEClientTransport {
  const server = readServerUrl(url);
  const { sdk, ours } = readTransportOptions(OPTIONS, options);
  return new LinkedSseTransport(server, sdk, makeServerLink(OPTIONS.whose, server, ours));
}

/** A minute or so, as long as the server does not say when to come back. */
const MAX_RECONNECTIONS = 20;

class LinkedSseTransport extends SSEClientTransport {
  readonly #link: ServerLink;
  readonly #answers = new OpenAnswers();
  readonly #server: URL;
  readonly #parts: Cancelling;
  readonly #authorizes: boolean;
  #started = false;
  /** In a row. */
  #failures = 0;

  constructor(url: URL, options: SSEClientTransportOptions, link: ServerLink) {
    super(url, { ...options, fetch: link.fetch });
    this.#link = link;
    this.#server = url;
    this.#parts = { server: url, link, answers: this.#answers };
    this.#authorizes = options.authProvider !== undefined;
    link.listener = {
      poolEnded: (error) => this.#endAnswers(error),
      // All answers come over the one stream, and a new one is of another session.
      streamEnded: (_init, error) => this.#endAnswers(error ?? endedEarly(this.#server)),
      streamAsked: (answer) => this.#onStreamAsked(answer),
    };
  }

  #endAnswers(error: Error): void {
    for (const answer of this.#answers.end(error, true)) this.onmessage?.(answer);
  }

  /** Once started, whatever is asked for is the stream again; before, `start()` reports it. */
  #onStreamAsked(answer: Response | Error): void {
    if (!this.#started) return;
    if (answer instanceof Error) {
      const passes = answer instanceof McpTlsError && answer.retryable;
      if (passes && ++this.#failures < MAX_RECONNECTIONS) return;
      this.#giveUp(answer);
    } else if (answer.ok && answer.status !== 204) this.#failures = 0;
    else if (answer.status !== 401 || !this.#authorizes) {
      this.#giveUp(new Error(`the event stream was not given again: HTTP ${answer.status}`));
    }
  }

  #giveUp(error: Error): void {
    this.#started = false;
    // After the SDK has reported what it makes of it.
    setImmediate(() => {
      this.#endAnswers(error);
      this.onerror?.(error);
      void this.close();
    });
  }

  override async send(message: JSONRPCMessage): Promise<void> {
    const call = cancelledCall(message);
    if (call !== undefined) {
      await sendCancellation(this.#parts, call, message, () => super.send(message));
      return;
    }
    // Its answer comes by another request's: the limit of one request is not that of the call.
    const ms = this.#link.totalMs;
    const expired = (): void => {
      const error = callTimedOut(this.#server, ms);
      for (const answer of this.#answers.endMessage(message, error)) this.onmessage?.(answer);
    };
    await this.#answers.whileSending(message, () => super.send(message), { ms, expired });
  }

  override async start(): Promise<void> {
    this.#answers.watch(this);
    const report = this.onerror;
    this.onerror = (error) => {
      if (!isAbandoned(error)) report?.(error);
    };
    try {
      await super.start();
      this.#started = true;
    } catch (error) {
      await this.close();
      // The event source passes errors on as text only.
      throw (error as Error).name === 'UnauthorizedError' ? error : (this.#link.lastError ?? error);
    }
  }

  override async close(): Promise<void> {
    this.#started = false;
    this.#answers.close();
    await super.close();
    await this.#link.close();
  }
}
