import { refuseUnasked } from '../client/refuse-unasked.js';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsTrustError } from '../errors.js';
import { type Endpoints, hasCode, Logins, MAX_KEPT } from './logins.js';
import type { RequestKind } from './request-kind.js';

/**
 * What a transport has learnt of the authorization servers of its server, and what follows from it.
 *
 * - A server that has named another one as its authorization server is none itself, as long as the provider lives:
 *   SDK v1 takes it for one as soon as its metadata is not there, and sends it what belongs to the other.
 * - A code goes to the authorization server whose login it is of: the token endpoint that one metadata document named
 *   beside that login, or one of the origin of the login. Which login that is, its code verifier says, whatever else
 *   was begun or finished meanwhile, by any transport of the provider. Where this transport sent people to several
 *   logins and none is finished, a code may also go only where it could be meant for any of them.
 * - Metadata that a provider keeps counts as read when the provider gives it. A login that no transport of the
 *   provider began in this process forbids nothing.
 */
export class AuthorizationServers {
  readonly #server: URL;
  /** Origins of servers that named others, and not themselves: of all transports of a provider. */
  #elsewhere: Set<string> = new Set();
  /** Of all transports of a provider. */
  #logins = new Logins();
  /** Token endpoints that another origin than the server named. */
  readonly #foreign = new Set<string>();
  #codeFor: Endpoints | undefined;

  constructor(server: URL) {
    this.#server = server;
  }

  /** What other transports of the provider have learnt. */
  share(elsewhere: Set<string>, logins: Logins): void {
    this.#elsewhere = elsewhere;
    this.#logins = logins;
  }

  /** A document was asked for; it is `undefined` where there is none. */
  read(
    kind: RequestKind,
    from: URL,
    document: Readonly<Record<string, unknown>> | undefined,
  ): void {
    if (kind === 'resource metadata') this.#readResource(document);
    if (kind === 'authorization server metadata' && document !== undefined)
      this.#readServer(from, document);
  }

  /** A person is sent to this login. */
  sentTo(login: URL): void {
    const may = this.#logins.sentTo(login);
    const before = this.#codeFor;
    this.#codeFor = before === undefined ? may : new Set([...may].filter((one) => before.has(one)));
  }

  /** A code was exchanged. */
  finished(): void {
    this.#codeFor = undefined;
  }

  /** @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED` for what belongs to another authorization server */
  assertMayAsk(kind: RequestKind, url: URL, init: RequestInit | undefined): void {
    const error = this.#refusalOf(kind, url, init);
    if (error !== undefined) refuseUnasked(error);
  }

  #refusalOf(
    kind: RequestKind,
    url: URL,
    init: RequestInit | undefined,
  ): TlsTrustError | undefined {
    const isAuthorization = kind !== 'resource metadata';
    const isOwn = url.origin === this.#server.origin && !this.#foreign.has(url.href);
    if (isAuthorization && isOwn && this.#elsewhere.has(url.origin))
      return refused(url, ...NOT_ITSELF);
    if (kind !== 'token' || !hasCode(init)) return undefined;
    const isMeant = [this.#codeFor, this.#logins.of(init)].every(
      (may) => may === undefined || may.has(url.origin) || may.has(url.href),
    );
    return isMeant ? undefined : refused(url, ...OTHER_LOGIN);
  }

  #readResource(document: Readonly<Record<string, unknown>> | undefined): void {
    const named = document?.['authorization_servers'];
    if (!Array.isArray(named) || named.length === 0) return;
    const origins = named.map((one) => (URL.canParse(one) ? new URL(one).origin : undefined));
    const { origin } = this.#server;
    if (!origins.includes(origin)) keep(this.#elsewhere, origin);
  }

  #readServer(from: URL, document: Readonly<Record<string, unknown>>): void {
    const token = this.#logins.read(from, document);
    if (token !== undefined && from.origin !== this.#server.origin) keep(this.#foreign, token);
  }
}

function keep(set: Set<string>, value: string): void {
  if (set.size >= MAX_KEPT) set.clear();
  set.add(value);
}

const NOT_ITSELF = [
  'is asked for no authorization: it has named another authorization server before',
  'Its metadata was not there, or names itself now. If it has moved, make a new OAuth provider.',
] as const;

const OTHER_LOGIN = [
  'does not get the code of a login at another authorization server',
  'The server named another authorization server after a person was sent to log in. If it has moved, make a new transport, and have them log in again.',
] as const;

function refused(url: URL, what: string, hint: string): TlsTrustError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: ${what}`;
  return new TlsTrustError('MCP_TLS_ADDRESS_REFUSED', message, { host, port, hint });
}
