import { Buffer } from 'node:buffer';
import { anchorsOf } from './check-trust-policy.js';
import type { CheckedTrustPolicy } from './checked-trust-policy.js';

/**
 * Whether every server that `before` trusts is trusted by `after` too, as far as is known from the
 * policies alone: connections that were made under `before` need not end then. `false` where in doubt.
 */
export function covers(after: CheckedTrustPolicy, before: CheckedTrustPolicy): boolean {
  return coversServers(after, before) && hasSameClientCertificate(after, before);
}

/** {@link covers}, whatever the client shows: a certificate of our own that was renewed is no server's loss. */
export function coversServers(after: CheckedTrustPolicy, before: CheckedTrustPolicy): boolean {
  return (
    after === before ||
    (hasSameDetails(after, before) && coversPins(after, before) && coversAnchors(after, before))
  );
}

function hasSameDetails(after: CheckedTrustPolicy, before: CheckedTrustPolicy): boolean {
  return (
    after.identity === before.identity &&
    after.serverName === before.serverName &&
    after.minVersion === before.minVersion &&
    after.maxVersion === before.maxVersion &&
    after.groups.join() === before.groups.join() &&
    after.allowExpired === before.allowExpired &&
    after.crl.join() === before.crl.join()
  );
}

/** What a server knows us by. */
function hasSameClientCertificate(
  { clientCertificate: after }: CheckedTrustPolicy,
  { clientCertificate: before }: CheckedTrustPolicy,
): boolean {
  if (after === undefined || before === undefined) return after === before;
  return after.chain === before.chain && after.key.equals(before.key);
}

function coversPins(
  { pins: after }: CheckedTrustPolicy,
  { pins: before }: CheckedTrustPolicy,
): boolean {
  // None: every key will do.
  if (after.length === 0) return true;
  return before.length > 0 && before.every((pin) => after.some(({ text }) => text === pin.text));
}

/** By their bytes: to parse them takes ten times as long, and a thousand policies may change at once. */
function coversAnchors(after: CheckedTrustPolicy, before: CheckedTrustPolicy): boolean {
  const [next, last] = [anchorsByKind(after), anchorsByKind(before)];
  const own = [...last.own].every((certificate) => next.own.has(certificate));
  return (
    own &&
    [...last.authorities].every((certificate) => next.authorities.has(certificate)) &&
    (after.defaultRoots || !before.defaultRoots) &&
    (after.systemRoots || !before.systemRoots)
  );
}

function anchorsByKind(policy: CheckedTrustPolicy): Record<'own' | 'authorities', Set<string>> {
  const sets = { own: new Set<string>(), authorities: new Set<string>() };
  for (const { raw, isAuthority } of anchorsOf(policy)) {
    sets[isAuthority ? 'authorities' : 'own'].add(Buffer.from(raw).toString('base64'));
  }
  return sets;
}
