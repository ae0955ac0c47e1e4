import { channel, hasSubscribers, subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ErrorCode } from './errors.js';
import { oneOf, refuse } from './options.js';

/** What every message about a connection says. */
export interface ConnectionMessage {
  /** Of the registered server on whose behalf it was, where a registry's client made the request. */
  readonly id?: string;
  /** Of the URL that was asked for, without brackets. */
  readonly host: string;
  readonly port: number;
}

/** The connections to one origin under one policy. */
export interface PoolMessage extends ConnectionMessage {
  /** Certificates of the policy that are trust anchors. */
  readonly anchors: number;
  readonly pins: number;
}

/**
 * What mcp-tls reports, by `node:diagnostics_channel`: the names of the channels, and their messages. Messages
 * are plain, frozen objects without secrets: no URL path or query, header, token or PEM. Durations are in
 * milliseconds, with fractions. Nothing is made where nobody listens.
 *
 * All but those of sources are about the connections of clients. Probes (`fetchPeerCertificate`, registrations, the scan of a watch)
 * send nothing, and report nothing. Fields and channels may be added in a minor release.
 */
export interface DiagnosticMessages {
  /** A new connection is about to be made. `verified` or `refused` follows, unless it is given up before. */
  'mcp-tls:connect': ConnectionMessage;
  /**
   * Nothing came back to the first message of TLS, which is large where Node.js offers a post-quantum group unasked, and
   * it is sent once more without: over another connection, under the same policy. `verified` or `refused` follows.
   */
  'mcp-tls:second-hello': ConnectionMessage & { readonly reason: 'reset' | 'no answer' };
  /** A new connection was verified and is handed over. */
  'mcp-tls:verified': ConnectionMessage & {
    /** What the server is trusted by; `nothing` under the dangerous export. */
    readonly by:
      | 'chain'
      | 'certificate'
      | 'pin'
      | 'chain and pin'
      | 'certificate and pin'
      | 'nothing';
    /** SHA-256 of the server's certificate, colon hex. */
    readonly fingerprint: string;
    /** Such as `TLSv1.3`. */
    readonly protocol: string | null;
    /** Proxy, TCP, TLS and verification together. */
    readonly durationMs: number;
  };
  /** A new connection was not made, for the reason in `code`: of trust, or of the network. */
  'mcp-tls:refused': ConnectionMessage & {
    readonly code: ErrorCode;
    readonly message: string;
    readonly expected: string | undefined;
    readonly presented: string | undefined;
    readonly durationMs: number;
  };
  /**
   * A request has the head of its answer, or failed before. One for each request that is sent, a redirect that is
   * followed counting as another.
   */
  'mcp-tls:request': ConnectionMessage & {
    /** Such as `POST`; `other` for one that neither RFC 9110 nor RFC 5789 defines. */
    readonly method: string;
    /**
     * Whether it went over a connection that was made for it, or over one that another request was answered
     * over before; `undefined` if it failed while it waited for one.
     */
    readonly connection: 'new' | 'reused' | undefined;
    /** Of the answer; `undefined` without one. */
    readonly status: number | undefined;
    /** Why there is no answer; `undefined` also where the caller aborted it with a reason of its own. */
    readonly code: ErrorCode | undefined;
    /** Until the head of the answer: the wait for a connection and its making included, the body not. */
    readonly durationMs: number;
  };
  /** A redirect was not followed. */
  'mcp-tls:redirect-refused': ConnectionMessage & { readonly message: string };
  /** A request to an origin to which there is no connection under its policy. */
  'mcp-tls:pool-opened': PoolMessage;
  /** Its last connection was closed, or its factory. */
  'mcp-tls:pool-closed': PoolMessage;
  /** What the sources of a policy hold has changed, and is in use. */
  'mcp-tls:source-changed': SourceMessage & {
    readonly anchors: number;
    readonly pins: number;
    /** Whether all that was trusted before is trusted still: nothing was ended then. */
    readonly keeps: boolean;
  };
  /**
   * The sources of a policy cannot be read, or do not fit each other: what they held before stays in use. Once for
   * each reason. A process warning (`MCP_TLS_SOURCE`) where nobody listens.
   */
  'mcp-tls:source-failed': SourceMessage & { readonly message: string };
  /**
   * A directory with files of policies cannot be watched, or is on a file system that does not report what others
   * change: it is looked at every second instead. A process warning (`MCP_TLS_SOURCE`) where nobody listens.
   */
  'mcp-tls:source-polled': { readonly directory: string; readonly reason: string };
}

/** The sources of one policy. */
export interface SourceMessage {
  /** Absolute paths, as they were given; functions have none. */
  readonly files: readonly string[];
}

/** The names of all channels. */
export type DiagnosticChannel = keyof DiagnosticMessages;

const CHANNEL = oneOf<DiagnosticChannel>(
  'mcp-tls:connect',
  'mcp-tls:second-hello',
  'mcp-tls:verified',
  'mcp-tls:refused',
  'mcp-tls:request',
  'mcp-tls:redirect-refused',
  'mcp-tls:pool-opened',
  'mcp-tls:pool-closed',
  'mcp-tls:source-changed',
  'mcp-tls:source-failed',
  'mcp-tls:source-polled',
);

/**
 * Listens to a channel of `node:diagnostics_channel`, with the type of its messages. The listener is called
 * synchronously, in the middle of a request: count or log, and do no more.
 *
 * What it throws, or its promise rejects with, is a process warning (`MCP_TLS_LISTENER`) and concerns no request;
 * under `subscribe` of Node.js itself it would end the process.
 *
 * @returns ends it when it is disposed of (`using`, or `[Symbol.dispose]()`)
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a channel that there is not, or no function
 * @example
 * onDiagnostic('mcp-tls:refused', ({ id, host, code }) => console.warn(id ?? host, code));
 */
export function onDiagnostic<Channel extends DiagnosticChannel>(
  channel: Channel,
  listener: (message: DiagnosticMessages[Channel]) => void,
): Disposable {
  CHANNEL.read(channel, 'onDiagnostic: channel', []);
  if (typeof listener !== 'function') refuse('onDiagnostic: listener', 'a function', listener);
  // Up to its first `await` it is called at once.
  const call = async (message: unknown): Promise<void> =>
    listener(message as DiagnosticMessages[Channel]);
  const subscriber = (message: unknown): void =>
    void call(message).catch((error) => warnOfListener(`of ${channel}`, error));
  subscribe(channel, subscriber);
  return { [Symbol.dispose]: () => void unsubscribe(channel, subscriber) };
}

/** For what a listener of the host application threw, where there is nobody else to report to. */
export function warnOfListener(which: string, error: unknown): void {
  process.emitWarning(`a listener ${which} threw ${textOf(error)}`, {
    type: 'McpTlsWarning',
    code: 'MCP_TLS_LISTENER',
  });
}

/** An error's own words; other values may throw when they are made a text. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'a value without a text';
  }
}

/** Whether it is worth making messages for this channel. */
export function isListenedTo(name: DiagnosticChannel): boolean {
  return hasSubscribers(name);
}

/** Publishes, if somebody listens. `make` is called only then. */
export function publish<Name extends DiagnosticChannel>(
  name: Name,
  make: () => DiagnosticMessages[Name],
): void {
  if (hasSubscribers(name)) channel(name).publish(Object.freeze(make()));
}

/** {@link publish}, for what must not go unnoticed. @param text of the warning where nobody listens */
export function publishOrWarn<Name extends DiagnosticChannel>(
  name: Name,
  text: string,
  make: () => DiagnosticMessages[Name],
): void {
  publish(name, make);
  // A thousand servers may have one file.
  if (hasSubscribers(name) || text === lastWarning) return;
  lastWarning = text;
  process.emitWarning(text, { type: 'McpTlsWarning', code: 'MCP_TLS_SOURCE' });
}

let lastWarning = '';

/** The start of every message about a connection. */
export function aboutConnection(
  id: string | undefined,
  { host, port }: { readonly host: string; readonly port: number },
): ConnectionMessage {
  return id === undefined ? { host, port } : { id, host, port };
}
