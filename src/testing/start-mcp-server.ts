import {
  type Declaration,
  declareOptions,
  flag,
  ms,
  oneOf,
  readOptions,
  text,
} from '../options.js';
import { loadMcpApplication } from './load-mcp-application.js';
import { MCP_PATH, SSE_PATH } from './mcp-paths.js';
import { startTlsServer, type TlsServer } from './start-tls-server.js';
import { TLS_SERVER_FIELDS, type TlsServerOptions } from './tls-server-options.js';

const TRANSPORTS = ['streamable-http', 'sse', 'both'] as const;

/** Options of {@link startMcpServer}: those of the TLS server, and these. */
export interface McpServerOptions extends Omit<TlsServerOptions, 'onRequest'> {
  /** Default: `streamable-http`. */
  transport?: 'streamable-http' | 'sse' | 'both';
  /** Answers POST requests with JSON instead of an SSE stream; then there is no progress. */
  jsonResponse?: boolean;
  /** Numbers the events of Streamable HTTP and keeps them, so that a client can resume a stream. */
  resumable?: boolean;
  /** How long a client that resumes is asked to wait. Default: the client's own choice. */
  retryMs?: number;
  /** Answers 401 to every MCP request without `Authorization: Bearer` and this token. */
  requireBearer?: string;
}

/** A {@link TlsServer} that speaks MCP. */
export interface McpTestServer extends TlsServer {
  /** Streamable HTTP: `https://127.0.0.1:PORT/mcp`. */
  readonly mcpUrl: string;
  /** HTTP with SSE, the older transport: `https://127.0.0.1:PORT/sse`. */
  readonly sseUrl: string;
  /** Sessions that are open now. */
  readonly sessionIds: readonly string[];
  /** Tells every session that the list of tools has changed, over the stream that it opened. */
  notifyToolListChanged(): Promise<void>;
  /** Sends a log message to every session, over the stream that it opened. */
  sendLog(message: string): Promise<void>;
  /** Ends every session; requests that name one get 404, after which a client starts anew. */
  forgetSessions(): Promise<void>;
}

/**
 * Starts a real MCP server (`@modelcontextprotocol/sdk`, which must be installed) behind
 * {@link startTlsServer}, with its records and controls. Its tools:
 * - `echo` `{ text }` and `add` `{ a, b }`;
 * - `count` `{ to, delayMs? }`: a progress notification for each step, if the client asks for them;
 * - `slow` `{ ms }`.
 *
 * @throws `TlsConfigError` with `MCP_TLS_INVALID_ARGUMENT`, or `MCP_TLS_UNSUPPORTED_RUNTIME` without that package
 * @example
 * await using server = await startMcpServer({ certificate: await heldCertificate() });
 * await client.connect(new StreamableHTTPClientTransport(new URL(server.mcpUrl), { fetch }));
 */
export async function startMcpServer(options: McpServerOptions): Promise<McpTestServer> {
  const { transport, jsonResponse, resumable, retryMs, requireBearer, ...tlsOptions } = readOptions(
    MCP_SERVER,
    options,
  );
  const { createMcpApplication } = await loadMcpApplication();
  const application = createMcpApplication({
    streamableHttp: transport !== 'sse',
    sse: transport === 'sse' || transport === 'both',
    jsonResponse: jsonResponse ?? false,
    resumable: resumable ?? false,
    retryMs,
    requireBearer,
  });
  const tls = await startTlsServer({ ...tlsOptions, onRequest: application.handle });
  const close = async (): Promise<void> => {
    await application.forgetSessions();
    await tls.close();
  };
  const extension: Omit<McpTestServer, keyof TlsServer> & Pick<TlsServer, 'close'> = {
    mcpUrl: tls.url + MCP_PATH,
    sseUrl: tls.url + SSE_PATH,
    get sessionIds() {
      return application.sessionIds();
    },
    notifyToolListChanged: () => application.broadcast((server) => server.sendToolListChanged()),
    sendLog: (message) =>
      application.broadcast((server) =>
        server.sendLoggingMessage({ level: 'info', data: message }),
      ),
    forgetSessions: () => application.forgetSessions(),
    close,
  };
  // Descriptors, because a spread would freeze the getters at their first value.
  return Object.defineProperties({} as McpTestServer, {
    ...Object.getOwnPropertyDescriptors(tls),
    ...Object.getOwnPropertyDescriptors(extension),
    [Symbol.asyncDispose]: { value: close, enumerable: true },
  });
}

const { onRequest: _, ...SERVER_FIELDS } = TLS_SERVER_FIELDS;

const MCP_SERVER: Declaration<McpServerOptions> = declareOptions<McpServerOptions>(
  'startMcpServer: options',
  {
    ...SERVER_FIELDS,
    transport: oneOf(...TRANSPORTS),
    jsonResponse: flag(),
    resumable: flag(),
    retryMs: ms(),
    requireBearer: text(),
  },
);
