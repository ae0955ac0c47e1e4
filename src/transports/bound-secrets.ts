import { digestOf } from '../client/digest.js';
import { refuseUnasked } from '../client/refuse-unasked.js';
import { addressOf } from '../connect/address-of.js';
import { atHost } from '../connect/connection-error.js';
import { TlsTrustError } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';

/** A provider has one client and one refresh token. What has many is not to fill the memory. */
const MAX_SECRETS = 64;

/** Where a secret may go. */
interface Bound {
  readonly origin: string;
  /** For good: it was known there, or may have been. */
  isKept: boolean;
  underWay: number;
}

/** A token request that is under way with secrets. One of its methods is called, once. */
interface Sending {
  answered(response: Response): Promise<void>;
  failed(error: unknown): void;
}

/**
 * Client secrets and refresh tokens of a provider, and the origin of the token endpoint that each belongs to: another
 * one does not get it, whatever the server names next.
 *
 * - A secret is bound when it is sent, so that no second one gets it while an answer is under way; and a refresh token
 *   also when it comes.
 * - An endpoint loses it again if it never got it (no connection), is none (404 and the like), or says that it does
 *   not know the client: that of a server that has moved. What it answers else, and no answer, keeps it.
 * - Only digests are kept; those that were not used for the longest time go first.
 */
export class BoundSecrets {
  readonly #bound = new Map<string, Bound>();

  /**
   * Secrets are about to be sent.
   *
   * @throws {TlsTrustError} `MCP_TLS_ADDRESS_REFUSED`
   */
  begin(url: URL, init: RequestInit | undefined): Sending {
    const digests = secretsOf(init).map((secret) => digestOf(secret));
    for (const digest of digests) {
      const origin = this.#bound.get(digest)?.origin;
      if (origin !== undefined && origin !== url.origin) refuseUnasked(refused(url));
    }
    const all = digests.map((digest) => this.#use(digest, url));
    for (const bound of all) bound.underWay++;
    const done = (isKept: boolean): void => {
      for (const bound of all) {
        bound.underWay--;
        bound.isKept ||= isKept;
      }
      this.#forgetUnused(digests);
    };
    return {
      answered: async (response) => {
        let isKept = true;
        try {
          if (all.length > 0) isKept = await mayBeKnown(response.clone());
        } finally {
          done(isKept);
        }
      },
      failed: (error) => done(!wasNeverSent(error)),
    };
  }

  /** It came from there. */
  bind(secret: unknown, from: URL): void {
    if (typeof secret !== 'string' || secret === '') return;
    this.#use(digestOf(secret), from).isKept = true;
  }

  #use(digest: string, { origin }: URL): Bound {
    const bound = this.#bound.get(digest) ?? { origin, isKept: false, underWay: 0 };
    this.#bound.delete(digest);
    if (this.#bound.size >= MAX_SECRETS) {
      this.#bound.delete(this.#bound.keys().next().value as string);
    }
    this.#bound.set(digest, bound);
    return bound;
  }

  #forgetUnused(digests: readonly string[]): void {
    for (const digest of digests) {
      const bound = this.#bound.get(digest);
      if (bound?.isKept === false && bound.underWay === 0) this.#bound.delete(digest);
    }
  }
}

/** Errors of connections that no request was sent on. */
const NEVER_SENT: ReadonlySet<string> = new Set([
  'MCP_TLS_UNREACHABLE',
  'MCP_TLS_NOT_TLS',
  'MCP_TLS_PROTOCOL_MISMATCH',
  'MCP_TLS_HANDSHAKE_FAILED',
  'MCP_TLS_PROXY_FAILED',
]);

function wasNeverSent(error: unknown): boolean {
  const ours = explainTlsError(error);
  if (ours instanceof TlsTrustError) return ours.code !== 'MCP_TLS_REDIRECT_REFUSED';
  return ours !== undefined && NEVER_SENT.has(ours.code);
}

/** Of an endpoint that is not there. */
const ABSENT: ReadonlySet<number> = new Set([404, 405, 410, 501]);

async function mayBeKnown(response: Response): Promise<boolean> {
  if (ABSENT.has(response.status)) return false;
  if (response.status !== 400 && response.status !== 401) return true;
  const answer = (await response.json().catch(() => undefined)) as { error?: unknown } | undefined;
  return answer?.error !== 'invalid_client';
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
