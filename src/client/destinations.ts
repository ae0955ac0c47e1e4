import { invalidArgument } from '../assert.js';
import { LiveTrust } from '../connect/live-trust.js';
import { readHttpsUrl } from '../connect/read-url.js';
import { type OriginContext, OWN, type Route } from '../connect/route.js';
import { makeSecureContext } from '../connect/secure-context.js';
import { assertTlsRuntime } from '../connect/tls-runtime.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { assertIsValid } from '../trust/client-certificate.js';
import type { Origins, TrustInput } from '../trust/trust-policy.js';
import { type NamedOrigins, unlistedOrigins } from './other-origins.js';
import type { Destination } from './pools.js';

/** Checks the runtime, a policy and, where OpenSSL has a say in what it holds, that too: now, not at a request. */
function checkUsable(trust: TrustInput, whose: string): CheckedTrustPolicy {
  assertTlsRuntime();
  const policy = checkTrustPolicy(trust, whose);
  assertUsable(policy);
  return policy;
}

function assertUsable(policy: CheckedTrustPolicy): void {
  const { clientCertificate, crl, systemRoots, groups } = policy;
  if (clientCertificate !== undefined) assertIsValid(clientCertificate, new Date());
  const dependsOnRuntime = systemRoots || groups.length > 0;
  if (clientCertificate !== undefined || crl.length > 0 || dependsOnRuntime) {
    makeSecureContext(policy);
  }
}

/** {@link checkUsable}, followed from now on where its material comes from sources. */
export function liveTrust(trust: TrustInput, whose: string): LiveTrust {
  return new LiveTrust(checkUsable(trust, whose), assertUsable);
}

/**
 * Policies of further origins, each by its origin.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, also for two spellings of one origin: which of the two
 *   policies is meant, nobody can say
 */
export function readOrigins(origins: Origins): ReadonlyMap<string, LiveTrust> {
  const read = new Map<string, LiveTrust>();
  for (const [given, trust] of Object.entries(origins)) {
    const origin = readOrigin('options.origins', given, 'origin only');
    if (read.has(origin)) invalidArgument(`options.origins: names ${origin} twice`);
    read.set(origin, liveTrust(trust, `options.origins['${given}']`));
  }
  return read;
}

/** What the destinations of a factory are made of. */
export interface DestinationsParts {
  /** For the server itself. */
  readonly trust: LiveTrust;
  readonly route: Route;
  /** A closed list, where there is one. */
  readonly origins: ReadonlyMap<string, LiveTrust> | undefined;
  /** Told of each destination whose policy changed. */
  readonly onChange: (destination: Destination, change: { readonly keeps: boolean }) => void;
  /** Where others are reached, if there is none. */
  readonly namedOrigins: NamedOrigins;
  /** Of the registered server, where it is one. */
  readonly id: string | undefined;
}

/** Where the requests of one client go, by origin. */
export type DestinationOf = (origin: string) => Destination;

interface Elsewhere {
  readonly listed: ReadonlyMap<string, Destination>;
  readonly unlisted: Destination;
}

/**
 * The destinations of a factory, which its clients share, and with them the connections. Only where a hook is
 * asked about addresses, other origins are apart for each server: the hook gets to know whose they are.
 */
export class Destinations {
  readonly #parts: DestinationsParts;
  /** For whatever is not listed, of clients without a server of their own. */
  readonly #any: Destination;
  readonly #server: Destination;
  /** That follow what changes, of those. */
  readonly #live: readonly LiveTrust[];
  #elsewhere: Map<string | undefined, Elsewhere> | undefined;

  constructor(parts: DestinationsParts) {
    const { trust, route, id, origins } = parts;
    this.#parts = parts;
    const given = { ...route, context: { ...OWN, id } };
    this.#any = this.#under(trust, { route: given });
    const listsOthers = origins !== undefined && origins.size > 0;
    this.#server = listsOthers
      ? this.#under(trust, { route: given, givesNoTokens: true })
      : this.#any;
    this.#live = [trust, ...(origins?.values() ?? [])].filter(({ isLive }) => isLive);
  }

  /** Asks the sources that have to be asked: once for each request. */
  ask(): void {
    for (const trust of this.#live) trust.ask();
  }

  /** Follows no source any more. */
  close(): void {
    for (const trust of this.#live) trust.close();
  }

  /**
   * @param own origin of the client's server; `undefined`: its policy holds for whatever is not listed
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if that is listed
   */
  of(own: string | undefined): DestinationOf {
    const { origins, route } = this.#parts;
    if (own !== undefined && origins?.has(own)) {
      invalidArgument(
        `options.origins: ${own} is the own origin of the server, whose trust stands elsewhere`,
        'List further origins only, and leave that of the server itself out.',
      );
    }
    const serverOrigin = route.allowAddress === undefined ? undefined : own;
    return (origin) => {
      this.ask();
      if (origin === own) return this.#server;
      const { listed, unlisted } = this.#others(serverOrigin);
      return listed.get(origin) ?? (own === undefined ? this.#any : unlisted);
    };
  }

  /** A destination whose policy is that of the moment. */
  #under(trust: LiveTrust, rest: Pick<Destination, 'route' | 'givesNoTokens'>): Destination {
    const { route, givesNoTokens } = rest;
    if (!trust.isLive) return { route, givesNoTokens, policy: trust.current };
    const destination = Object.defineProperty({ route, givesNoTokens }, 'policy', {
      get: () => trust.current,
      enumerable: true,
    }) as unknown as Destination;
    trust.onChange((change) => this.#parts.onChange(destination, change));
    return destination;
  }

  #others(serverOrigin: string | undefined): Elsewhere {
    this.#elsewhere ??= new Map();
    const present = this.#elsewhere.get(serverOrigin);
    if (present !== undefined) return present;
    const { origins = new Map<string, LiveTrust>(), id } = this.#parts;
    // A socket leads to one server; whatever else is asked for is elsewhere.
    const route = { ...this.#parts.route, socketPath: undefined };
    const as = (role: OriginContext['role']): Route => ({
      ...route,
      context: { role, id, serverOrigin },
    });
    const listed = [...origins].map(
      ([origin, trust]) => [origin, this.#under(trust, { route: as('listed') })] as const,
    );
    const hasList = this.#parts.origins !== undefined;
    const unlisted = unlistedOrigins(as('named'), hasList, this.#parts.namedOrigins);
    const made = { listed: new Map(listed), unlisted };
    this.#elsewhere.set(serverOrigin, made);
    return made;
  }
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what is no https: URL, or has more than it may */
export function readOrigin(
  what: string,
  input: string | URL,
  form: 'any path' | 'origin only',
): string {
  const url = readHttpsUrl(what, input);
  if (url.username !== '' || url.password !== '') {
    invalidArgument(`${what}: must not contain credentials; use auth`);
  }
  if (form === 'origin only' && `${url.origin}/` !== url.href) {
    invalidArgument(`${what}: '${url.origin}' is an origin; a path or query has no meaning here`);
  }
  return url.origin;
}
