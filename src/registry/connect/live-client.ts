import { invalidArgument } from '../../assert.js';
import type { CustomClient } from '../../client/custom-client.js';
import { type CustomClientInit, readClientInit } from '../../client/make-custom-client-factory.js';
import { LIMITS, readTimeouts } from '../../client/timeouts.js';
import { addressOf } from '../../connect/address-of.js';
import {
  McpTlsError,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
  type TrustErrorCode,
} from '../../errors.js';
import { explainTlsError } from '../../explain-tls-error.js';
import { plainCopy } from '../../names-of.js';
import { isOptionsObject } from '../../options.js';
import type { PoolEnded } from '../../transports/link.js';
import { ON_POOL_ENDED } from '../../transports/server-link.js';
import type { Generation, Holder } from './generation.js';
import type { RegistryConnections } from './registry-connections.js';

export interface LiveClientParts {
  readonly connections: RegistryConnections;
  readonly id: string;
  /** The registered URL. */
  readonly url: string;
  /** Told why a request failed. */
  readonly onFailure: (id: string, error: unknown) => void;
  /** Keeps the connections from being idle from the client's first request until its end. */
  readonly holdsPool: boolean;
}

/**
 * Makes a client of one server that asks for its connections anew at each request: it goes on after they
 * were ended for being idle, and under the new trust after a change. It never leaves its origin's server:
 * should the record come to name another one, it is at its end.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a URL of another origin than the record's
 */
export function makeLiveClient(parts: LiveClientParts, init: CustomClientInit = {}): CustomClient {
  const { connections, id, onFailure, holdsPool } = parts;
  const { origin } = new URL(parts.url);
  const server = addressOf(new URL(origin));
  // Its server is known, so that headers and auth need no URL. Anything but an object is refused as it is.
  const given = isOptionsObject(init) ? { url: parts.url, ...plainCopy(init) } : init;
  const own = readClientInit(given) as CustomClientInit & {
    url: string | URL;
  };
  if (new URL(own.url).origin !== origin) {
    invalidArgument(`init.url must be of the origin that '${id}' is registered with`);
  }
  /** One for each generation that has not ended: over an older one, an answer may still stream. */
  const clients = new Map<Generation, CustomClient>();
  let closed = false;
  let onEnded: PoolEnded | undefined;
  const holder: Holder = {
    ended: (why, final) => onEnded?.(endedError(why), final),
  };

  async function client(input: string | URL | Request, requestInit?: RequestInit) {
    const generation = await ready();
    try {
      return await clientOver(generation)(input, requestInit);
    } catch (error) {
      const own = isOwn(error);
      if (own !== undefined) onFailure(id, own);
      throw closedUnder(generation, error) ?? changedError(id, own) ?? error;
    } finally {
      connections.release(generation);
    }
  }

  /** What has to be true before a request; errors as fetch rejects with them. */
  async function ready(): Promise<Generation> {
    try {
      if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client is closed');
      const generation = await connections.acquire(id, holdsPool ? holder : undefined);
      if (closed || generation.origin !== origin) {
        connections.release(generation);
        connections.letGo(id, holder);
        if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client is closed');
        const message = `'${id}' is registered with another origin now: make a new client`;
        throw new TlsConfigError('MCP_TLS_CLOSED', message);
      }
      return generation;
    } catch (error) {
      throw error instanceof McpTlsError
        ? new TypeError(`fetch failed: ${error.message}`, { cause: error })
        : error;
    }
  }

  /** A client also reaches other origins, such as OAuth servers: those are not this server. */
  function isOwn(error: unknown): TlsTrustError | TlsConnectionError | undefined {
    const cause = explainTlsError(error);
    if (!(cause instanceof TlsTrustError || cause instanceof TlsConnectionError)) return undefined;
    return cause.host === server.host && cause.port === server.port ? cause : undefined;
  }

  function clientOver(generation: Generation): CustomClient {
    let made = clients.get(generation);
    if (made === undefined) {
      for (const one of clients.keys()) if (one.ended !== undefined) clients.delete(one);
      made = generation.factory(own);
      clients.set(generation, made);
    }
    return made;
  }

  async function close(): Promise<void> {
    closed = true;
    connections.letGo(id, holder);
    await Promise.all([...clients.values()].map((one) => one.close()));
  }

  return Object.assign(client, {
    /** For transports: answers that are streams are not told by a rejected request. */
    [ON_POOL_ENDED](listener: PoolEnded) {
      onEnded = listener;
    },
    close,
    [Symbol.asyncDispose]: close,
    [LIMITS]: readTimeouts(own.timeout, connections.timeouts),
  });
}

/** A closed factory says only that: why it was closed is what the caller has to know. */
function closedUnder({ ended }: Generation, error: unknown): TypeError | undefined {
  if (ended === undefined || explainTlsError(error)?.code !== 'MCP_TLS_CLOSED') return undefined;
  const cause = endedError(ended);
  return new TypeError(`fetch failed: ${cause.message}`, { cause });
}

const endedError = (why: string): TlsConfigError =>
  new TlsConfigError('MCP_TLS_CLOSED', `the connection was ended: ${why}`);

/** Refusals of a certificate that was not there when the server was registered. */
const CHANGED: ReadonlySet<TrustErrorCode> = new Set<TrustErrorCode>([
  'MCP_TLS_SELF_SIGNED',
  'MCP_TLS_UNKNOWN_ISSUER',
  'MCP_TLS_PIN_MISMATCH',
  'MCP_TLS_EXPIRED',
  'MCP_TLS_NAME_MISMATCH',
]);

/** The hint of a client of one's own would be to change its policy; here, that is what renewing does. */
function changedError(id: string, refusal: Error | undefined): TypeError | undefined {
  if (!(refusal instanceof TlsTrustError) || !CHANGED.has(refusal.code)) return undefined;
  const { code, message, host, port, expected, presented, detail } = refusal;
  const hint = `The server's certificate is no longer the approved one. registry.renew(${JSON.stringify(id)}) shows both, and takes an approval.`;
  const details = { host, port, expected, presented, hint, detail, cause: refusal };
  const cause = new TlsTrustError(code, message, details);
  return new TypeError(`fetch failed: ${message}`, { cause });
}
