import { refuseUnasked } from '../client/refuse-unasked.js';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TRUST_WORDS } from '../errors/words/trust-words.js';
import { TlsTrustError } from '../errors.js';
import { IssuerMemory } from './issuer-memory.js';

/** What the transport knows of the authorization that is under way. */
interface Login {
  /** Why it is to end, if it is. */
  readonly loginRefusal: Error | undefined;
  /** A person is sent there. */
  sentTo(url: URL): void;
  /** What is remembered of all transports of the provider. */
  share(memory: IssuerMemory): void;
}

/** The one method of an OAuth provider that is looked at. The others are its own. */
interface LoginProvider {
  redirectToAuthorization?(url: URL, ...more: unknown[]): unknown;
}

/**
 * The application's OAuth provider, which is sent to addresses of web pages only. The SDKs hand it whatever the
 * metadata names: `file:`, `ms-msdt:`, plain http to anybody; and what opens it may be a shell. What it stores is
 * given back with the `issuer` that the SDK had stored with it.
 *
 * @throws {TlsTrustError} from `redirectToAuthorization`: that; `MCP_TLS_PLAIN_HTTP_REFUSED`, and
 *   `MCP_TLS_REDIRECT_REFUSED` for other schemes and for an address with credentials
 */
function withSafeLogins<Provider extends object>(provider: Provider, login: Login): Provider {
  const memory = IssuerMemory.of(provider);
  login.share(memory);
  const target = provider as Record<string | symbol, unknown>;
  // Not a proxy of the provider itself: of what is frozen, a proxy may show nothing else than what it has.
  return new Proxy(Object.create(null) as Provider, {
    get(_, name) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      if (name !== 'redirectToAuthorization') return memory.method(name) ?? value.bind(provider);
      return (url: URL, ...more: unknown[]) => {
        if (login.loginRefusal !== undefined) throw login.loginRefusal;
        assertWebPage(url);
        login.sentTo(url);
        return (provider as LoginProvider).redirectToAuthorization?.(url, ...more);
      };
    },
    has: (_, name) => name in provider,
    set(_, name, value) {
      target[name] = value;
      return true;
    },
    getPrototypeOf: () => Object.getPrototypeOf(provider),
  });
}

const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\])$/;

function assertWebPage(url: URL): void {
  const { protocol, hostname, username, password } = url;
  const isOwnMachine = protocol === 'http:' && LOOPBACK.test(hostname);
  if ((protocol === 'https:' || isOwnMachine) && username === '' && password === '') return;
  const { host, port } = addressOf(url);
  const isClear = protocol === 'http:' && !isOwnMachine;
  const code = isClear ? 'MCP_TLS_PLAIN_HTTP_REFUSED' : 'MCP_TLS_REDIRECT_REFUSED';
  const shown = /^(https?|file|[a-z][a-z0-9+.-]{0,30}):$/.test(protocol) ? protocol : 'unknown:';
  const message = `${atHost(host, port)}: the user is not sent to this address of a login: it must be https:, and without credentials`;
  const error = new TlsTrustError(code, message, {
    host,
    port,
    expected: 'an https: URL',
    presented: `a URL with the scheme ${shown}`,
    hint: isClear
      ? TRUST_WORDS.MCP_TLS_PLAIN_HTTP_REFUSED.hint
      : 'The metadata of the authorization server names it: ask its operator.',
  });
  refuseUnasked(error);
}

/** The options of an SDK's transport, with its provider so. */
export function withSafeProvider<Options>(options: Options, login: Login): Options {
  const { authProvider } = options as { authProvider?: object };
  if (authProvider === undefined) return options;
  return { ...options, authProvider: withSafeLogins(authProvider, login) };
}
