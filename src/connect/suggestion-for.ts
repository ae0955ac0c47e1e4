import { rootsOf } from '../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../trust/checked-trust-policy.js';
import { suggestPolicy } from '../trust/suggest-policy.js';
import type { TrustPolicy } from '../trust/trust-policy.js';
import type { Look, LookRequest } from './look.js';

/**
 * A policy helps only where the certificate is what is wrong, and not with how a handshake fails; but a
 * server that wants a client certificate, or another one, can be trusted all the same.
 */
export function suggestionFor(
  { handshake, clientRefusal, isTrusted, ending }: Look,
  { host, policy }: LookRequest,
  serverName: string | undefined,
  now: Date,
): TrustPolicy | undefined {
  if (ending === 'lenient' || (ending === 'failed' && clientRefusal === undefined))
    return undefined;
  // Weaker than what was asked for would be no suggestion, nor one that the server does not take.
  const asked = askedFor(policy);
  const roots = rootsOf(policy);
  if (isTrusted && roots !== undefined && policy.anchors.length === 0) {
    return { roots, ...(serverName === undefined ? {} : { serverName }), ...asked };
  }
  const suggested = suggestPolicy(handshake, host, serverName, now);
  return suggested && { ...suggested, ...asked };
}

/** What a policy says of the versions and the key exchange. */
function askedFor({
  minVersion,
  maxVersion,
  groups,
}: CheckedTrustPolicy): Pick<TrustPolicy, 'minVersion' | 'maxVersion' | 'groups'> {
  return {
    ...(minVersion === 'TLSv1.2' ? {} : { minVersion }),
    ...(maxVersion === 'TLSv1.3' ? {} : { maxVersion }),
    ...(groups.length === 0 ? {} : { groups }),
  };
}
