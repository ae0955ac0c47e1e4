import type { RecordParts } from '../../store/record/create-stored-certificate.js';
import type { StoredCertificate } from '../../store/record/stored-certificate.js';
import { assertHoldsItself } from '../../store/record/stored-trust.js';
import { checkTrustPolicy, readPins, withDetails } from '../../trust/check-trust-policy.js';
import type { CheckedTrustPolicy } from '../../trust/checked-trust-policy.js';
import { readClientCertificate } from '../../trust/client-certificate.js';
import { readReferenceIdentity } from '../../trust/reference-identity.js';
import type { TrustInput } from '../../trust/trust-policy.js';
import type { ServerChanges } from './enrol-options.js';

/** A record's input as it will be. */
export interface Changed {
  readonly url: string;
  readonly policy: CheckedTrustPolicy;
  readonly proxy: string | undefined;
  /** Whether the server has to be looked at under this before it is stored. */
  readonly concernsTrust: boolean;
  /** The other fields that change. */
  readonly rest: Partial<RecordParts>;
}

/** Applies the operator's changes to what is on record. Pure. @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function applyChanges(
  record: StoredCertificate,
  before: CheckedTrustPolicy,
  changes: ServerChanges,
): Changed {
  const { url, trust, serverName, pins, minVersion, maxVersion, clientCertificate, proxy } =
    changes;
  const base = trust === undefined ? before : keepClientCertificate(checkStored(trust), before);
  const policy = withDetails(base, {
    ...(serverName === undefined ? {} : { serverName: readReferenceIdentity(serverName).value }),
    ...(pins === undefined ? {} : { pins: readPins(pins) }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(maxVersion === undefined ? {} : { maxVersion }),
    ...(clientCertificate === undefined
      ? {}
      : {
          clientCertificate:
            clientCertificate === null ? undefined : readClientCertificate(clientCertificate),
        }),
  });
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
    policy,
    proxy: proxy ?? record.proxy,
    concernsTrust: concerning.some((change) => change !== undefined),
    rest: restOf(changes),
  };
}

function checkStored(trust: TrustInput): CheckedTrustPolicy {
  const policy = checkTrustPolicy(trust);
  assertHoldsItself(policy);
  return policy;
}

/** The key need not be given again when the trust in the server changes. */
function keepClientCertificate(
  policy: CheckedTrustPolicy,
  { clientCertificate }: CheckedTrustPolicy,
): CheckedTrustPolicy {
  if (policy.clientCertificate !== undefined || clientCertificate === undefined) return policy;
  return withDetails(policy, { clientCertificate });
}

function restOf(changes: ServerChanges): Partial<RecordParts> {
  const { origins, proxy, labels, approvedBy, expiresAt } = changes;
  return {
    ...(origins === undefined ? {} : { origins }),
    ...(proxy === undefined ? {} : { proxy }),
    ...(labels === undefined ? {} : { labels }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    ...(expiresAt === undefined ? {} : { expiresAt: expiresAt ?? undefined }),
  };
}
