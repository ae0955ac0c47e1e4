import { invalidArgument } from '../assert.js';
import { REQUEST_FIELDS } from '../client/client-init.js';
import { FINGERPRINT } from '../connect/fetch-peer-certificate.js';
import { readHttpsUrl } from '../connect/read-url.js';
import {
  anyText,
  custom,
  type Declaration,
  date,
  declareOptions,
  flag,
  func,
  given,
  isOptionsObject,
  ms,
  nested,
  nullable,
  oneOf,
  readBy,
  readOptions,
  signal,
  text,
} from '../options.js';
import { assertId } from '../store/record-key.js';
import { readPins } from '../trust/check-trust-policy.js';
import { CLIENT_CERTIFICATE } from '../trust/client-certificate.js';
import { ORIGINS, TRUST } from '../trust/trust-options.js';
import type {
  Approval,
  ApproveCertificate,
  RegisterOptions,
  ServerChanges,
} from './enrol/enrol-options.js';
import type { CertificateFileOptions, InspectOptions, ServerCheckOptions } from './types.js';

const APPROVAL_FIELDS = {
  // Where nothing is expected, a person is asked: nothing is trusted for it. See also assertOneApproval.
  expectFingerprint: FINGERPRINT,
  approve: func<ApproveCertificate>(),
  trustOnFirstUse: oneOf(true),
  approvedBy: anyText(),
  signal: signal(),
};

const LABELS = custom<Readonly<Record<string, string>>>(
  'an object of texts',
  (value) =>
    isOptionsObject(value) && Object.values(value).every((label) => typeof label === 'string'),
);

const PROXY_URL = text('the URL of a proxy');

/** What is registered about a server, and can be changed. An unset one is refused where trust is meant. */
const SETTINGS_FIELDS = {
  trust: given(TRUST),
  clientCertificate: given(nullable(nested(CLIENT_CERTIFICATE))),
  origins: ORIGINS,
  proxy: PROXY_URL,
  labels: LABELS,
  expiresAt: given(nullable(date())),
};

const ELSEWHERE = {
  beside: {},
  elsewhere: { servername: "did you mean 'serverName'?", timeout: 'it belongs to the registry' },
};

const REGISTER: Declaration<RegisterOptions> = declareOptions<RegisterOptions>(
  'registry.register: options',
  {
    ...APPROVAL_FIELDS,
    ...SETTINGS_FIELDS,
    pin: oneOf('certificate', 'key'),
    serverName: given(anyText()),
    replace: flag(),
  },
  ELSEWHERE,
);

const APPROVAL: Declaration<Approval> = declareOptions<Approval>(
  'registry.renew: approval',
  APPROVAL_FIELDS,
);

const CHANGES: Declaration<ServerChanges> = declareOptions<ServerChanges>(
  'registry.update: changes',
  {
    ...SETTINGS_FIELDS,
    url: given(
      custom('an https: URL', (value) => typeof value === 'string' || value instanceof URL),
    ),
    approvedBy: anyText(),
    serverName: given(anyText()),
    pins: given(
      readBy<string | readonly string[]>('a pin or a list of at least one', (value) => {
        readPins(value as string);
        return value as string;
      }),
    ),
    minVersion: given(oneOf('TLSv1.2', 'TLSv1.3')),
    maxVersion: given(oneOf('TLSv1.2', 'TLSv1.3')),
    signal: signal(),
  },
  ELSEWHERE,
);

const CHECK: Declaration<ServerCheckOptions> = declareOptions<ServerCheckOptions>(
  'registry.check: options',
  { ...REQUEST_FIELDS, endpoint: text(), timeoutMs: ms(), signal: signal() },
  { elsewhere: { timeout: "did you mean 'timeoutMs'?" } },
);

const INSPECT: Declaration<InspectOptions> = declareOptions<InspectOptions>(
  'registry.inspect: options',
  { serverName: given(anyText()), timeoutMs: ms(), signal: signal() },
  { elsewhere: { timeout: "did you mean 'timeoutMs'?" } },
);

const FILE: Declaration<CertificateFileOptions> = declareOptions<CertificateFileOptions>(
  'registry.certificateFile: options',
  { directory: text() },
);

export const readCheck = (given: ServerCheckOptions): ServerCheckOptions =>
  readOptions(CHECK, given);
export const readInspect = (given: InspectOptions): InspectOptions => readOptions(INSPECT, given);
export const readFile = (given: CertificateFileOptions): CertificateFileOptions =>
  readOptions(FILE, given);

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readRegistration(id: string, given: RegisterOptions): RegisterOptions {
  assertId(id);
  const options = readOptions(REGISTER, given);
  assertOneApproval(options, given);
  if (options.pin !== undefined && options.trust !== undefined) {
    invalidArgument('options.pin cannot be combined with options.trust');
  }
  return options;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readApproval(id: string, given: Approval): Approval {
  assertId(id);
  const approval = readOptions(APPROVAL, given);
  assertOneApproval(approval, given);
  return approval;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readChanges(id: string, given: ServerChanges): ServerChanges {
  assertId(id);
  const changes = readOptions(CHANGES, given);
  if (changes.url !== undefined) readUrl(changes.url);
  return changes;
}

function assertOneApproval(approval: Approval, asGiven: Approval): void {
  const { expectFingerprint, approve, trustOnFirstUse } = approval;
  const all = [expectFingerprint, approve, trustOnFirstUse].filter((one) => one !== undefined);
  if (all.length > 1) {
    invalidArgument('give only one of expectFingerprint, approve and trustOnFirstUse');
  }
  if (trustOnFirstUse === undefined) return;
  // A variable that is not set would turn the comparison off, and whatever is seen would be stored.
  const unset = ['expectFingerprint', 'approve'].find((name) => name in asGiven);
  if (unset !== undefined) {
    invalidArgument(
      `options.${unset} is undefined beside trustOnFirstUse: set it and leave out trustOnFirstUse, or leave it out`,
    );
  }
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function readUrl(input: string | URL): string {
  const url = readHttpsUrl('the URL of the server', input);
  if (url.username !== '' || url.password !== '') {
    invalidArgument('the URL of the server must not contain credentials');
  }
  return url.href;
}
