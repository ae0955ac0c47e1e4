import { type CertificateDescription, describe } from '../certificate/describe-certificate.js';
import { readCertificates } from '../certificate/pem.js';
import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import { RegistryError } from '../errors.js';
import type {
  CertificateStore,
  StoredCertificate,
  StoredClientCertificate,
} from '../store/certificate-store.js';
import { isStoreError } from '../store/is-store-error.js';
import {
  makeStoredCertificate,
  type StoredCertificateInput,
} from '../store/make-stored-certificate.js';
import { type ClientCertificate, readClientCertificate } from '../trust/client-certificate.js';
import { approveCertificate } from './approve-certificate.js';
import { type KnownServer, knownServer } from './known-server.js';
import { coversPeer, isPubliclyTrusted, planRenewal, planTrust } from './plan-trust.js';
import type {
  Approval,
  ApproveCertificate,
  RegisterOptions,
  ServerChanges,
} from './server-registry.js';

/** What the flows work with. None of them writes a record that `tryOut` has not passed. */
export interface EnrolParts {
  readonly store: CertificateStore;
  readonly approve: ApproveCertificate | undefined;
  readonly inspect: (
    url: string,
    options: { serverName?: string | undefined; ca?: string | undefined },
  ) => Promise<PeerCertificate>;
  readonly tryOut: (server: KnownServer) => Promise<unknown>;
}

/** See `ServerRegistry.register`. */
export async function registerServer(
  parts: EnrolParts,
  id: string,
  url: string,
  options: RegisterOptions,
): Promise<KnownServer> {
  const { trust, serverName, clientCertificate, replace = false, approvedBy } = options;
  const existing = await existingRecord(parts.store, id, replace);
  const peer = await parts.inspect(url, { serverName });
  // An authority that the operator brings vouches, as the default roots do: the try-out asks it.
  const vouchedFor = typeof trust === 'object' || isPubliclyTrusted(peer);
  await approveCertificate({
    id,
    certificate: peer,
    current: existing && (await describeFirst(existing)),
    approval: options,
    fallback: parts.approve,
    vouchedFor,
  });
  return store(parts, id, {
    ...planTrust(peer, trust, serverName),
    url,
    ...(clientCertificate === undefined ? {} : { clientCertificate: toStored(clientCertificate) }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    approvedAt: new Date().toISOString(),
    ...previousOf(existing),
  });
}

/** See `ServerRegistry.renew`. */
export async function renewServer(
  parts: EnrolParts,
  known: KnownServer,
  approval: Approval,
): Promise<{ changed: boolean; sameKey: boolean; server: KnownServer }> {
  const { id, record } = known;
  const ca = record.authority === true ? record.certificatePem : undefined;
  const peer = await parts.inspect(record.url, { serverName: record.serverName, ca });
  const current = await describeFirst(record);
  const sameKey = current.spkiPin === peer.description.spkiPin;
  const covered = coversPeer(record, peer);
  // Also where nobody need be asked, an expected fingerprint that is not there is to be told.
  await approveCertificate({
    id,
    certificate: peer,
    current,
    approval,
    fallback: parts.approve,
    vouchedFor: covered,
  });
  const unchanged = ca !== undefined || record.fingerprint === peer.description.fingerprint;
  if (covered && unchanged) return { changed: false, sameKey, server: known };
  const { version, isSelfSigned, fingerprint, notBefore, notAfter, ...kept } = record;
  if (covered) {
    // The pins stay, all of them: a server behind several machines may go back and forth.
    const next = { ...kept, certificatePem: peer.pem, ...previousOf(record) };
    return { changed: true, sameKey, server: await store(parts, id, next) };
  }
  const { url, clientCertificate, minVersion } = record;
  const approvedBy = approval.approvedBy;
  const next: StoredCertificateInput = {
    ...planRenewal(peer, record),
    url,
    ...(clientCertificate === undefined ? {} : { clientCertificate }),
    ...(minVersion === undefined ? {} : { minVersion }),
    ...(approvedBy === undefined ? {} : { approvedBy }),
    approvedAt: new Date().toISOString(),
    ...previousOf(record),
  };
  return { changed: true, sameKey, server: await store(parts, id, next) };
}

/** See `ServerRegistry.update`. */
export async function updateServer(
  parts: EnrolParts,
  { id, record }: KnownServer,
  changes: ServerChanges,
): Promise<KnownServer> {
  const { version, isSelfSigned, fingerprint, notBefore, notAfter, ...kept } = record;
  const { url, approvedBy, expiresAt, pins, minVersion, clientCertificate } = changes;
  const fields: Record<string, unknown> = {
    url: url === undefined ? undefined : String(url),
    approvedBy,
    expiresAt: expiresAt instanceof Date ? expiresAt.toISOString() : expiresAt,
    pins,
    minVersion,
    clientCertificate: clientCertificate && toStored(clientCertificate),
  };
  if (clientCertificate === null) fields['clientCertificate'] = null;
  const next: Record<string, unknown> = { ...kept };
  for (const [name, value] of Object.entries(fields)) {
    if (value === null) delete next[name];
    else if (value !== undefined) next[name] = value;
  }
  return store(parts, id, next as unknown as StoredCertificateInput);
}

async function store(
  { store, tryOut }: EnrolParts,
  id: string,
  input: StoredCertificateInput,
): Promise<KnownServer> {
  const { previous, ...rest } = input;
  const made = makeStoredCertificate(rest);
  // The same certificate again, such as under another trust, has not taken its own place.
  const replaced = previous !== undefined && previous.fingerprint !== made.fingerprint;
  const record = replaced ? makeStoredCertificate({ ...made, previous }) : made;
  const known = knownServer(id, record);
  await tryOut(known);
  await store.set(id, known.record);
  return known;
}

async function existingRecord(
  store: CertificateStore,
  id: string,
  replace: boolean,
): Promise<StoredCertificate | undefined> {
  let existing: StoredCertificate | undefined;
  try {
    existing = await store.get(id);
  } catch (error) {
    // Its time is over, and it is there: to be replaced, and not to be taken for absent.
    if (!isStoreError(error) || error.code !== 'MCP_TLS_STORE_EXPIRED') throw error;
    if (replace) return undefined;
    throw alreadyRegistered(id);
  }
  if (existing !== undefined && !replace) throw alreadyRegistered(id);
  return existing;
}

function alreadyRegistered(id: string): RegistryError {
  const message = `'${id}' is registered already: give replace: true to put another in its place`;
  return new RegistryError('MCP_TLS_ALREADY_REGISTERED', message, id);
}

function previousOf(
  record: StoredCertificate | undefined,
): Pick<StoredCertificateInput, 'previous'> {
  if (record === undefined) return {};
  const { certificatePem, fingerprint } = record;
  return { previous: { certificatePem, fingerprint, replacedAt: new Date().toISOString() } };
}

async function describeFirst({
  certificatePem,
}: StoredCertificate): Promise<CertificateDescription> {
  const [first] = readCertificates(certificatePem);
  return describe(first as NonNullable<typeof first>);
}

function toStored(input: ClientCertificate): StoredClientCertificate {
  const { chain } = readClientCertificate(input);
  const { key, passphrase } = input;
  return {
    cert: chain,
    key: typeof key === 'string' ? key : Buffer.from(key).toString('latin1'),
    ...(passphrase === undefined ? {} : { passphrase }),
  };
}
