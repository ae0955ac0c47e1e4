import { invalidArgument } from '../assert.js';
import type { TlsGroup, TlsVersion, TrustByCa, TrustPolicy } from './trust-policy.js';

/** A policy of whatever shape. */
export type AllFields = Partial<Omit<TrustByCa, 'identity'>> & { identity?: 'name' | 'pin' };

/** Fields that would be ignored beside others, or that say the opposite. */
export function assertCombination(trust: TrustPolicy): void {
  assertVersions(trust as AllFields);
  const { ca, authority, roots, pins, identity, allowExpired, crl } = trust as AllFields;
  if (identity === 'pin') {
    if (pins === undefined) invalidArgument("trust.identity 'pin' needs trust.pins");
    if (typeof (trust as AllFields).serverName === 'object') {
      invalidArgument("with trust.identity 'pin' names are not checked: leave out serverName.uri");
    }
    if (ca !== undefined || roots !== undefined || crl !== undefined || authority !== undefined) {
      invalidArgument(
        "with trust.identity 'pin' names and chain are not checked: leave out ca, authority, roots and crl; or leave out identity, and the pins are checked in addition to the chain",
      );
    }
    return;
  }
  const hasRoots = roots !== undefined && roots !== 'none';
  if (ca === undefined && !hasRoots) {
    invalidArgument(
      roots === 'none'
        ? "trust.roots is 'none' and there is no trust.ca: nothing could be trusted"
        : "trust does not say whom to trust: give ca, or roots: 'default', or identity: 'pin' with pins",
      pins === undefined
        ? undefined
        : "Pins alone do not say whether names and chain are checked: write `{ identity: 'pin', pins }` to trust the pin alone, or `{ roots: 'default', pins }` for both.",
    );
  }
  if (ca === undefined && (authority !== undefined || crl !== undefined)) {
    invalidArgument('trust.authority and trust.crl need trust.ca');
  }
  if (allowExpired === true && (ca === undefined || pins === undefined)) {
    invalidArgument(
      'trust.allowExpired needs a pin',
      "Write `{ identity: 'pin', pins, allowExpired: true }`, or give `pins` beside `ca`.",
    );
  }
  if (typeof (trust as AllFields).serverName === 'object' && (ca === undefined || hasRoots)) {
    invalidArgument(
      'trust.serverName as a URI needs trust.ca, and no roots: no public authority certifies such names',
    );
  }
  // OpenSSL reports the last of several objections, and expiry would hide a revocation.
  if (allowExpired === true && crl !== undefined) {
    invalidArgument('trust.allowExpired and trust.crl cannot be combined');
  }
}

function assertVersions(trust: AllFields): void {
  const { minVersion, maxVersion = 'TLSv1.3' } = trust;
  if (minVersion !== undefined && minVersion > maxVersion) {
    invalidArgument('trust.minVersion is above trust.maxVersion: no version is left');
  }
  if (isPostQuantum(groupsOf(trust as TrustPolicy)) && maxVersion === 'TLSv1.2') {
    invalidArgument(
      'trust.groups are post-quantum ones, which TLS 1.2 has not: leave out maxVersion',
    );
  }
}

const NO_GROUPS: readonly TlsGroup[] = Object.freeze([]);

export function groupsOf(trust: TrustPolicy): readonly TlsGroup[] {
  const { groups = NO_GROUPS } = trust as AllFields;
  if (groups === NO_GROUPS) return NO_GROUPS;
  return typeof groups === 'string' ? [groups] : [...new Set(groups)];
}

/** In TLS 1.2 a server that is asked for post-quantum groups alone would go on without any. */
export function leastVersion(trust: TrustPolicy): TlsVersion {
  const { minVersion = 'TLSv1.2' } = trust as AllFields;
  return isPostQuantum(groupsOf(trust)) ? 'TLSv1.3' : minVersion;
}

/** Whether nothing but post-quantum groups is offered. */
function isPostQuantum(groups: readonly TlsGroup[]): boolean {
  return groups.length > 0 && groups.every((group) => group.includes('MLKEM'));
}
