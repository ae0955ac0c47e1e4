import { invalidArgument } from '../assert.js';
import type { CustomClient } from '../client/custom-client.js';
import type { CustomClientInit } from '../client/make-custom-client-factory.js';
import { addressOf } from '../connect/address-of.js';
import { isMcpTlsError, TlsConfigError, TlsTrustError, type TrustErrorCode } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { PoolEnded } from '../transports/server-link.js';
import type { AddressGuard } from './address-guard.js';
import type { KnownServer } from './known-server.js';
import type { PoolHolder, ServerPool, ServerPools } from './server-pools.js';

export interface LiveClientParts {
  readonly pools: ServerPools;
  readonly guard: AddressGuard;
  readonly server: KnownServer;
  /** Told why a request failed. */
  readonly onFailure: (id: string, error: unknown) => void;
  /** Keeps the pool from being idle from the client's first request until its end. */
  readonly holdsPool: boolean;
}

/**
 * Makes a client of one server that asks the pools anew for each request: it goes on after its pool was
 * dropped for being idle, and under the new trust after a change. It never leaves its origin's server:
 * should the record come to name another one, it is at its end.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a URL of another origin than the record's
 */
export function makeLiveClient(parts: LiveClientParts, init: CustomClientInit = {}): CustomClient {
  const { pools, guard, server, onFailure, holdsPool } = parts;
  const { origin } = new URL(server.record.url);
  const own = { ...init, url: init.url ?? server.record.url };
  if (!URL.canParse(String(own.url)) || new URL(own.url).origin !== origin) {
    invalidArgument(`init.url must be of the origin that '${server.id}' is registered with`);
  }
  let bound: { readonly pool: ServerPool; readonly client: CustomClient } | undefined;
  let closed = false;
  let onEnded: PoolEnded | undefined;
  const holder: PoolHolder = {
    ended: (why, final) => onEnded?.(endedError(why), final),
  };

  async function client(input: string | URL | Request, requestInit?: RequestInit) {
    const pool = await ready(input);
    try {
      return await clientOver(pool)(input, requestInit);
    } catch (error) {
      const own = isOwn(error);
      if (own !== undefined) onFailure(server.id, own);
      throw closedUnder(pool, error) ?? changedError(server.id, own) ?? error;
    } finally {
      pools.release(pool);
    }
  }

  /** What has to be true before a request; errors as fetch rejects with them. */
  async function ready(input: string | URL | Request): Promise<ServerPool> {
    try {
      if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client is closed');
      const url = new URL(input instanceof Request ? input.url : input);
      if (url.protocol === 'https:') await guard.check(url);
      const pool = await pools.acquire(server.id, holdsPool ? holder : undefined);
      if (closed || pool.origin !== origin) {
        pools.release(pool);
        if (closed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client is closed');
        const message = `'${server.id}' is registered with another origin now: make a new client`;
        throw new TlsConfigError('MCP_TLS_CLOSED', message);
      }
      return pool;
    } catch (error) {
      throw isMcpTlsError(error)
        ? new TypeError(`fetch failed: ${error.message}`, { cause: error })
        : error;
    }
  }

  /** A client also reaches other origins, such as OAuth servers: those are not this server. */
  function isOwn(error: unknown): TlsTrustError | undefined {
    const cause = explainTlsError(error);
    const { host, port } = addressOf(new URL(origin));
    const own = cause instanceof TlsTrustError && cause.host === host && cause.port === port;
    return own ? cause : undefined;
  }

  function clientOver(pool: ServerPool): CustomClient {
    if (bound?.pool !== pool) bound = { pool, client: pool.factory(own) };
    return bound.client;
  }

  return Object.assign(client, {
    /** For transports: answers that are streams are not told by a rejected request. */
    onPoolEnded(listener: PoolEnded) {
      onEnded = listener;
    },
    async close() {
      closed = true;
      pools.letGo(server.id, holder);
      await bound?.client.close();
    },
  });
}

/** A closed pool says only that: why it was closed is what the caller has to know. */
function closedUnder({ ended }: ServerPool, error: unknown): TypeError | undefined {
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
function changedError(id: string, refusal: TlsTrustError | undefined): TypeError | undefined {
  if (refusal === undefined || !CHANGED.has(refusal.code)) return undefined;
  const { code, message, host, port, expected, presented, detail } = refusal;
  const hint = `The server's certificate is not the approved one any more. registry.renew(${JSON.stringify(id)}) shows both, and takes an approval.`;
  const details = { host, port, expected, presented, hint, detail, cause: refusal };
  const cause = new TlsTrustError(code, message, details);
  return new TypeError(`fetch failed: ${message}`, { cause });
}
