import { type Declaration, declareOptions, ms, readOptions } from '../options.js';

/**
 * Limits in milliseconds; `0` for none. A request that reaches one is cut off, and rejects with
 * `MCP_TLS_TIMEOUT`; so does, at once, a call of an MCP client whose answer is cut off.
 *
 * They are those of the server. For any other origin that a client with `url` asks, its OAuth server for example,
 * no limit is longer than 30 s in all, 10 s of them for connecting.
 */
export interface TimeoutOptions {
  /**
   * Until a new connection is made and verified: TCP, proxy and TLS. Default 10,000. Of an MCP call, how
   * long it may take to reach the server.
   */
  connectMs?: number | undefined;
  /**
   * From sending a request until the headers of its answer. Default 300,000 (5 minutes), as in Node.js's
   * `fetch`. An MCP server that answers in JSON sends them when the tool has finished: raise it for tools that
   * take longer. One that answers by a stream sends them at once.
   */
  headersMs?: number | undefined;
  /**
   * Between two pieces of an answer (undici's `bodyTimeout`). Default 0: an event stream may be silent for
   * hours. A tool that takes longer without saying anything is cut off; so is a standing event stream (SSE,
   * the GET of Streamable HTTP) unless the server sends something more often, and it is opened again.
   */
  idleMs?: number | undefined;
  /**
   * For the whole request: connecting, sending, and the answer to its end. Default 0. Over either transport
   * it is the limit of a whole MCP call. An event stream that is asked for by GET never ends, and this holds
   * until its headers only.
   */
  totalMs?: number | undefined;
}

/** Timeouts after {@link readTimeouts}: complete. */
export type Timeouts = { readonly [Limit in keyof TimeoutOptions]-?: number };

/** By this a client of ours passes its limits to a transport: over SSE, a call is more than one request. */
export const LIMITS: unique symbol = Symbol.for('mcp-tls.limits');

/** What holds where nothing is said. */
export const DEFAULT_TIMEOUTS: Timeouts = Object.freeze({
  connectMs: 10_000,
  headersMs: 300_000,
  idleMs: 0,
  totalMs: 0,
});

/** For origins that speak no MCP: metadata and tokens take no minute, whatever a tool takes. */
const OTHERS: Timeouts = Object.freeze({
  connectMs: 10_000,
  headersMs: 30_000,
  idleMs: 30_000,
  totalMs: 30_000,
});

/** Limits for origins other than the server's own: what is given for it holds where it is shorter. */
export function timeoutsOfOthers(given: Timeouts): Timeouts {
  return given === DEFAULT_TIMEOUTS ? OF_DEFAULTS : shortened(given);
}

function shortened(given: Timeouts): Timeouts {
  const shorter = (limit: keyof Timeouts): number =>
    given[limit] === 0 ? OTHERS[limit] : Math.min(given[limit], OTHERS[limit]);
  return Object.freeze({
    connectMs: shorter('connectMs'),
    headersMs: shorter('headersMs'),
    idleMs: shorter('idleMs'),
    totalMs: shorter('totalMs'),
  });
}

/** What nearly all have. */
const OF_DEFAULTS = shortened(DEFAULT_TIMEOUTS);

const OLD = (name: string): string => `did you mean '${name}'?`;

export const TIMEOUT: Declaration<TimeoutOptions> = declareOptions<TimeoutOptions>(
  'timeout',
  { connectMs: ms(), headersMs: ms(), idleMs: ms(), totalMs: ms() },
  {
    elsewhere: {
      connect: OLD('connectMs'),
      connectTimeout: OLD('connectMs'),
      headers: OLD('headersMs'),
      headersTimeout: OLD('headersMs'),
      bodyTimeout: OLD('idleMs'),
      body: OLD('totalMs'),
    },
  },
);

/** Validates `input` over `defaults`. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readTimeouts(input: TimeoutOptions | undefined, defaults: Timeouts): Timeouts {
  if (input === undefined) return defaults;
  return Object.freeze({ ...defaults, ...readOptions(TIMEOUT, input) }) as Timeouts;
}
