import { digestOf } from '../client/digest.js';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsTrustError } from '../errors.js';

/** A provider has one client and one refresh token. What has many is not to fill the memory. */
const MAX_SECRETS = 64;

/**
 * Client secrets and refresh tokens of a provider, and the origin of the token endpoint that knows each: another one
 * does not get it, whatever the server names next.
 *
 * - An endpoint knows a secret when it has answered as an authorization server does, and not that it does not know the
 *   client. What was not there, or is none, binds nothing.
 * - Only digests are kept.
 */
export class BoundSecrets {
  readonly #origins = new Map<string, string>();

  /** @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED` */
  assertMaySend(url: URL, init: RequestInit | undefined): void {
    for (const secret of secretsOf(init)) {
      const origin = this.#origins.get(digestOf(secret));
      if (origin !== undefined && origin !== url.origin) throw refused(url);
    }
  }

  async answered(url: URL, init: RequestInit | undefined, response: Response): Promise<void> {
    const secrets = secretsOf(init);
    if (secrets.length === 0 || !(await isKnown(response.clone()))) return;
    for (const secret of secrets) {
      if (this.#origins.size >= MAX_SECRETS) {
        this.#origins.delete(this.#origins.keys().next().value as string);
      }
      this.#origins.set(digestOf(secret), url.origin);
    }
  }
}

/** RFC 6749 §5.2: any of its errors but `invalid_client` is of a client that is known. */
async function isKnown(response: Response): Promise<boolean> {
  if (response.ok) return true;
  if (response.status !== 400) return false;
  const answer = (await response.json().catch(() => undefined)) as { error?: unknown } | undefined;
  return typeof answer?.error === 'string' && answer.error !== 'invalid_client';
}

/** What is whole and long-lived: no code, which is bound to its login, and no assertion, which names its reader. */
function secretsOf(init: RequestInit | undefined): readonly string[] {
  const { body } = init ?? {};
  if (!(body instanceof URLSearchParams)) return [];
  const authorization = new Headers(init?.headers).get('authorization') ?? '';
  const [scheme = '', credentials = ''] = authorization.split(' ');
  const secrets = [body.get('refresh_token'), body.get('client_secret')];
  // The SDKs write Latin-1 there; RFC 6749 §2.3.1 has it encoded as in a form.
  for (const encoding of ['latin1', 'utf8'] as const) {
    if (!/^basic$/i.test(scheme)) break;
    const pair = Buffer.from(credentials, 'base64').toString(encoding);
    const password = pair.slice(pair.indexOf(':') + 1);
    secrets.push(password, new URLSearchParams(`_=${password}`).get('_'));
  }
  return [...new Set(secrets)].filter((one) => one !== null && one !== '') as string[];
}

function refused(url: URL): TlsTrustError {
  const { host, port } = addressOf(url);
  const message = `${atHost(host, port)}: does not get a client secret or refresh token of another authorization server`;
  const hint =
    'The server names another authorization server than the one that knows them. If it has moved, register the client and log in there, with a new OAuth provider.';
  return new TlsTrustError('MCP_TLS_ADDRESS_REFUSED', message, { host, port, hint });
}
