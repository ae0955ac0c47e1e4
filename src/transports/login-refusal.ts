import { McpTlsError, TlsTrustError } from '../errors.js';
import type { RequestKind } from './request-kind.js';

/**
 * What an authorization failed with that goes on all the same. SDK v1 takes any failure of a server's metadata for
 * "there is none", and the server itself for its authorization server then: a person is sent to a login that is
 * not the right one, and whoever operates it never learns of the certificate that was refused.
 *
 * - {@link error} is of the authorization that the server asked for last.
 * - A refusal by trust ends the authorization: nobody is sent to a login after it, and what is asked of the server
 *   itself in the same breath is refused with it. Metadata in the clear, which servers behind a proxy name by mistake, and
 *   metadata that is not there, end nothing.
 */
export class LoginRefusal {
  readonly #server: URL;
  #error: Error | undefined;
  #refusal: Error | undefined;
  #ending: Error | undefined;

  constructor(server: URL) {
    this.#server = server;
  }

  get error(): Error | undefined {
    return this.#error;
  }

  /** {@link error}, if a person has to look at it before anybody logs in: it is no mere absence. */
  get refusal(): Error | undefined {
    return this.#refusal;
  }

  /** The server asks for an authorization. */
  begin(): void {
    this.#error = undefined;
    this.#refusal = undefined;
  }

  failed(kind: RequestKind, error: unknown): void {
    if (!(error instanceof McpTlsError)) return;
    this.#error = error;
    if (!endsIt(kind, error)) return;
    this.#refusal = error;
    if (kind !== 'resource metadata') return;
    this.#ending = error;
    // The SDK goes on before anything else can happen.
    setImmediate(() => {
      if (this.#ending === error) this.#ending = undefined;
    });
  }

  /** @throws {TlsTrustError} that of the metadata, instead of what the SDK makes of its absence */
  assertMayAsk(kind: RequestKind, { origin }: URL): void {
    if (this.#ending === undefined || kind !== 'authorization server metadata') return;
    if (origin === this.#server.origin) throw this.#ending;
  }
}

function endsIt(kind: RequestKind, error: Error): boolean {
  if (!(error instanceof TlsTrustError)) return false;
  return kind !== 'resource metadata' || error.code !== 'MCP_TLS_PLAIN_HTTP_REFUSED';
}

/** Says on `error`, which only says that a person has to log in, what went wrong before. */
export function withCause<E>(error: E, cause: Error | undefined): E {
  const isOpen = error instanceof Error && error.cause === undefined && Object.isExtensible(error);
  if (cause !== undefined && isOpen) Object.assign(error, { cause });
  return error;
}
