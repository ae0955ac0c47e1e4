import type { RecordFields } from '../../store/record/create-stored-certificate.js';
import type { RecordPolicy } from '../../store/record/record-trust.js';
import type { StoredCertificate } from '../../store/record/stored-certificate.js';
import { assertCanBeStored } from '../../store/record/stored-trust.js';
import {
  checkTrustPolicy,
  type PolicyDetails,
  readPins,
  withDetails,
} from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { readClientCertificate } from '../../trust/client-certificate.js';
import { readReferenceIdentity } from '../../trust/reference-identity.js';
import type { ServerChanges } from './enrol-options.js';

/** A record's input as it will be. */
export interface Changed {
  readonly url: string;
  /** Under which the server has to be looked at before it is stored; none where nothing concerns trust. */
  readonly policy: CheckedTrustPolicy | undefined;
  readonly proxy: string | undefined;
  /** The other fields that change. */
  readonly rest: Partial<RecordFields>;
}

/**
 * Applies the operator's changes to what is on record.
 *
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`; `MCP_TLS_SOURCE_UNUSABLE` where what stays is named by the
 *   record, and concerned
 */
export function applyChanges(
  record: StoredCertificate,
  before: RecordPolicy,
  changes: ServerChanges,
): Changed {
  const { url, trust, serverName, pins, minVersion, maxVersion, clientCertificate, proxy } =
    changes;
  const concerning = [
    url,
    trust,
    serverName,
    pins,
    minVersion,
    maxVersion,
    clientCertificate,
    proxy,
  ];
  return {
    url: url === undefined ? record.url : String(url),
    policy: concerning.some((change) => change !== undefined)
      ? changedPolicy(before, changes)
      : undefined,
    proxy: proxy ?? record.proxy,
    rest: restOf(changes),
  };
}

function changedPolicy(before: RecordPolicy, changes: ServerChanges): CheckedTrustPolicy {
  const { trust, serverName, pins, minVersion, maxVersion } = changes;
  const given = trust === undefined ? undefined : checkTrustPolicy(trust);
  const policy = withDetails(given ?? before.policy, {
    ...(serverName === undefined ? {} : { serverName: readReferenceIdentity(serverName).value }),
    ...(pins === undefined ? {} : { pins: readPins(pins) }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...clientCertificateAfter(before, given, changes),
  });
  assertCanBeStored(policy);
  return policy;
}

/** The key need not be given again when the trust in the server changes. */
function clientCertificateAfter(
  before: RecordPolicy,
  given: CheckedTrustPolicy | undefined,
  { clientCertificate }: ServerChanges,
): Pick<PolicyDetails, 'clientCertificate'> {
  if (clientCertificate === null) return { clientCertificate: undefined };
  if (clientCertificate !== undefined) {
    return { clientCertificate: readClientCertificate(clientCertificate) };
  }
  if (given === undefined || given.clientCertificate !== undefined) return {};
  return { clientCertificate: before.clientCertificate };
}

function restOf(changes: ServerChanges): Partial<RecordFields> {
  const { origins, proxy, labels, approvedBy, expiresAt } = changes;
  return {
    ...(origins === undefined ? {} : { origins }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(labels === undefined ? {} : { labels }),
    // Who approves now did not do so when somebody else did.
    ...(approvedBy === undefined ? {} : { approvedBy, approvedAt: new Date() }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt ?? undefined }),
  };
}
