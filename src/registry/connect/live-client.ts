import { invalidArgument } from '../../assert.js';
import { type CustomClientInit, readClientInit } from '../../client/client-init.js';
import type { CustomClient } from '../../client/custom-client.js';
import { closedError, failed } from '../../client/fetch-error.js';
import { LIMITS, readTimeouts } from '../../client/timeouts.js';
import { addressOf } from '../../connect/address-of.js';
import {
  type ErrorCode,
  McpTlsError,
  TlsConfigError,
  TlsConnectionError,
  TlsTrustError,
} from '../../errors.js';
import { explainTlsError } from '../../explain-tls-error.js';
import { plainCopy } from '../../names-of.js';
import { isOptionsObject } from '../../options.js';
import type { PoolEnded } from '../../transports/link-listener.js';
import { ON_POOL_ENDED } from '../../transports/server-link.js';
import type { Generation, Holder } from './generation.js';
import { namedError } from './named-error.js';
import type { RegistryConnections } from './registry-connections.js';

export interface LiveClientDeps {
  readonly connections: RegistryConnections;
  readonly id: string;
  /** The registered URL. */
  readonly url: string;
  /** Called with the reason when a request failed. */
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
export function makeLiveClient(deps: LiveClientDeps, init: CustomClientInit = {}): CustomClient {
  const { connections, id, onFailure, holdsPool } = deps;
  const { origin } = new URL(deps.url);
  const server = addressOf(new URL(origin));
  // Its server is known, so that headers and auth need no URL. Anything but an object is refused as it is.
  const given = isOptionsObject(init) ? { url: deps.url, ...plainCopy(init) } : init;
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
    ended: (why, final) => onEnded?.(endedError(id, why), final),
  };

  async function client(input: string | URL | Request, requestInit?: RequestInit) {
    const generation = await ready();
    try {
      return await clientOver(generation)(input, requestInit);
    } catch (error) {
      if (isReason(error, [own.signal, requestInit?.signal, (input as Partial<Request>).signal])) {
        throw error;
      }
      const refusal = isOwn(error);
      if (refusal !== undefined) onFailure(id, refusal);
      throw closedUnder(id, generation, error) ?? rejection(id, error, refusal !== undefined);
    } finally {
      connections.release(generation);
    }
  }

  /** What has to be true before a request; errors as fetch rejects with them. */
  async function ready(): Promise<Generation> {
    try {
      if (closed) throw closedError(THE_CLIENT);
      const generation = await connections.acquire(id, holdsPool ? holder : undefined);
      if (closed || generation.origin !== origin) {
        connections.release(generation);
        connections.releaseHolder(id, holder);
        if (closed) throw closedError(THE_CLIENT);
        const message = `'${id}' is registered with another origin now: make a new client`;
        throw closedError(message);
      }
      return generation;
    } catch (error) {
      if (!(error instanceof McpTlsError)) throw error;
      if (error.code !== 'MCP_TLS_SOURCE_UNUSABLE') throw failed(error);
      onFailure(id, error);
      throw failed(namedError(id, error) ?? error);
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
    connections.releaseHolder(id, holder);
    await Promise.all([...clients.values()].map((one) => one.close()));
  }

  return Object.assign(client, {
    /** For transports: answers that are streams do not fail by a rejected request. */
    [ON_POOL_ENDED](listener: PoolEnded) {
      onEnded = listener;
    },
    close,
    [Symbol.asyncDispose]: close,
    [LIMITS]: readTimeouts(own.timeout, connections.timeouts),
  });
}

const THE_CLIENT = 'the client is closed';

/** The caller's own reason goes through untouched, whatever it is. */
function isReason(error: unknown, signals: readonly (AbortSignal | null | undefined)[]): boolean {
  return signals.some((signal) => signal?.aborted === true && signal.reason === error);
}

/** A closed factory says only that: why it was closed is what the caller has to know. */
function closedUnder(id: string, { ended }: Generation, error: unknown): TypeError | undefined {
  if (ended === undefined || explainTlsError(error)?.code !== 'MCP_TLS_CLOSED') return undefined;
  return failed(endedError(id, ended));
}

const endedError = (id: string, why: string): TlsConfigError =>
  new TlsConfigError('MCP_TLS_CLOSED', `'${id}': the connection was ended: ${why}`);

/** Refusals of a certificate that was not there when the server was registered. */
const CHANGED: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'MCP_TLS_SELF_SIGNED',
  'MCP_TLS_UNKNOWN_ISSUER',
  'MCP_TLS_PIN_MISMATCH',
  'MCP_TLS_EXPIRED',
  'MCP_TLS_NAME_MISMATCH',
]);

/**
 * What a request rejects with, about this server.
 *
 * @param isOwn whether it is the server itself that was refused, and not another origin
 */
function rejection(id: string, error: unknown, isOwn: boolean): unknown {
  const isChanged = isOwn && CHANGED.has(explainTlsError(error)?.code as ErrorCode);
  const named = namedError(id, error, isChanged ? renewHint(id) : undefined);
  return named === undefined ? error : failed(named);
}

/** The hint of a client of one's own would be to change its policy; here, that is what renewing does. */
function renewHint(id: string): string {
  return `The server's certificate is no longer the approved one. registry.renew(${JSON.stringify(id)}) shows both, and takes an approval.`;
}
