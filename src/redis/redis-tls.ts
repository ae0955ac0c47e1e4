import { invalidArgument } from '../assert.js';
import { fromDer } from '../certificate/pem.js';
import { makeSecureContext } from '../connect/secure-context.js';
import { custom, given, type Kind } from '../options.js';
import { checkTrustPolicy } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { matchesPin } from '../trust/pin.js';
import { carriesIdentity, readReferenceIdentity } from '../trust/reference-identity.js';
import type { TrustInput } from '../trust/trust-policy.js';

/** What node-redis passes on to `tls.connect`. */
export interface RedisTlsOptions {
  readonly secureContext: ReturnType<typeof makeSecureContext>;
  readonly servername: string | undefined;
  readonly rejectUnauthorized: true;
  readonly checkServerIdentity: (
    host: string,
    certificate: { readonly raw: Buffer },
  ) => Error | undefined;
}

/** What the option `tls` must be. An unset one would mean other trust. */
export const REDIS_TLS: Kind<TrustInput> = given(
  custom<TrustInput>(
    'a policy, PEM text, or null for the default roots',
    (value) => value === null || typeof value === 'string' || typeof value === 'object',
  ),
);

/**
 * A policy as options of the connection of node-redis. That one writes as soon as OpenSSL trusts the chain,
 * so only policies can hold here whose verdict is OpenSSL's, with our reading of the names and pins before
 * the first byte. What sets that verdict aside (a server's own certificate, pins alone, expired ones) is
 * refused, and never taken for less.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`, `MCP_TLS_INVALID_CERTIFICATE`
 */
export function redisTls(url: string, trust: TrustInput): RedisTlsOptions {
  const { protocol, hostname } = new URL(url);
  if (protocol !== 'rediss:') invalidArgument('options.tls needs a rediss: URL');
  const policy = checkTrustPolicy(trust, 'options.tls');
  assertByChain(policy);
  const identity = readReferenceIdentity(policy.serverName ?? hostname);
  return {
    secureContext: makeSecureContext(policy),
    // An address is no name to ask for (RFC 6066 §3).
    servername: identity.kind === 'dns' ? identity.value : undefined,
    rejectUnauthorized: true,
    checkServerIdentity(_, { raw }) {
      const leaf = fromDer(raw);
      if (!carriesIdentity(leaf, identity)) {
        return new Error(`the certificate of Redis does not name ${identity.value}`);
      }
      const pinned = policy.pins.length > 0;
      if (pinned && !policy.pins.some((pin) => matchesPin(leaf, pin))) {
        return new Error('the certificate of Redis meets none of the pins');
      }
      return undefined;
    },
  };
}

function assertByChain({
  identity,
  allowExpired,
  ownCertificates,
  trustsChains,
}: CheckedTrustPolicy): void {
  if (identity !== 'name' || allowExpired) {
    invalidArgument(
      'options.tls of Redis is a policy by ca or roots: pins alone and allowExpired are for MCP servers',
    );
  }
  if (ownCertificates.length === 0 && trustsChains) return;
  invalidArgument(
    "options.tls.ca has a server's own certificate, and Redis is trusted by an authority",
    'Give the CA that signed it. If there is none, `authority: true` trusts this certificate, and everything that its key signs.',
  );
}
