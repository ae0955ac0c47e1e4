import { assertKnownKeys, assertOneOf, invalidArgument, isValidDate } from '../assert.js';
import { readHttpsUrl } from '../connect/read-url.js';
import { assertId } from '../store/record-key.js';
import { APPROVAL_FIELDS, assertApproval } from './enrol/approve-certificate.js';
import type { Approval, RegisterOptions, ServerChanges } from './types.js';

const SETTINGS = ['trust', 'clientCertificate', 'origins', 'proxy', 'labels', 'expiresAt'] as const;

const REGISTER_FIELDS = [...APPROVAL_FIELDS, ...SETTINGS, 'pin', 'serverName', 'replace'] as const;
const CHANGE_FIELDS = [...SETTINGS, 'url', 'approvedBy', 'pins', 'minVersion'] as const;

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertRegistration(id: string, options: RegisterOptions): void {
  assertId(id);
  assertKnownKeys('options', options, REGISTER_FIELDS);
  assertApproval(options);
  assertTrustGiven('options', options);
  const { pin, trust, replace, expiresAt } = options;
  if (pin !== undefined) {
    assertOneOf('options.pin', pin, ['certificate', 'key']);
    if (trust !== undefined) invalidArgument('options.pin cannot be combined with options.trust');
  }
  if (replace !== undefined && typeof replace !== 'boolean') {
    invalidArgument('options.replace must be true or false');
  }
  assertEnd('options', expiresAt);
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertRenewal(id: string, approval: Approval): void {
  assertId(id);
  assertKnownKeys('approval', approval, APPROVAL_FIELDS);
  assertApproval(approval);
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` */
export function assertChanges(id: string, changes: ServerChanges): void {
  assertId(id);
  assertKnownKeys('changes', changes, CHANGE_FIELDS);
  assertTrustGiven('changes', changes);
  if (changes.url !== undefined) readUrl(changes.url);
  assertEnd('changes', changes.expiresAt);
}

/** An unset variable must not become trust in whatever is presented. */
function assertTrustGiven(what: string, options: { readonly trust?: unknown }): void {
  if ('trust' in options && options.trust === undefined) {
    invalidArgument(`${what}.trust is undefined: leave it out or set it`);
  }
}

function assertEnd(what: string, expiresAt: unknown): void {
  if (expiresAt === undefined || expiresAt === null) return;
  if (!isValidDate(expiresAt)) {
    invalidArgument(`${what}.expiresAt must be a Date, or null for none`);
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
