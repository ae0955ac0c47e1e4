import { invalidArgument } from '../assert.js';
import { readHttpsUrl } from '../connect/read-url.js';
import type { Route } from '../connect/route.js';
import { makeSecureContext } from '../connect/secure-context.js';
import { type CheckedTrustPolicy, checkTrustPolicy } from '../trust/check-trust-policy.js';
import { assertIsValid } from '../trust/client-certificate.js';
import type { Origins, TrustInput } from '../trust/trust-policy.js';
import type { Destination } from './pools.js';

/** Checks a policy and, where OpenSSL has a say in what it holds, that too: now, not at a request. */
export function checkUsable(trust: TrustInput, whose: string): CheckedTrustPolicy {
  const policy = checkTrustPolicy(trust, whose);
  if (policy.clientCertificate !== undefined) assertIsValid(policy.clientCertificate, new Date());
  if (policy.clientCertificate !== undefined || policy.crl.length > 0) makeSecureContext(policy);
  return policy;
}

/** Where further origins are, each under its own policy. */
export function readOrigins(origins: Origins, route: Route): ReadonlyMap<string, Destination> {
  return new Map(
    Object.entries(origins).map(([origin, trust]) => [
      readOrigin('options.origins', origin, 'origin only'),
      { policy: checkUsable(trust, `options.origins['${origin}']`), route },
    ]),
  );
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
