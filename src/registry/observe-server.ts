import type { PeerCertificate } from '../connect/fetch-peer-certificate.js';
import type { Verification } from '../connect/open-verified.js';
import type { ErrorCode } from '../errors.js';
import { explainTlsError } from '../explain-tls-error.js';
import type { StoredCertificate } from '../store/certificate-store.js';
import { isStoreError } from '../store/is-store-error.js';
import { UNREACHED } from './check-server.js';
import { type KnownServer, registeredTrust } from './known-server.js';
import { type ServerState, UNREADABLE } from './server-state.js';

export interface ObserveParts {
  readonly known: (id: string) => Promise<KnownServer>;
  /** Connects under the record's trust. */
  readonly tryOut: (server: KnownServer, signal: AbortSignal) => Promise<Verification>;
  readonly inspect: (server: KnownServer, signal: AbortSignal) => Promise<PeerCertificate>;
  /** Stores what the trust on record covers. @throws {ApprovalRequiredError} for anything else */
  readonly renew: (id: string) => Promise<KnownServer>;
}

/**
 * What the record says of a server, without a connection. `null`: it is not registered.
 *
 * @throws whatever the store does, except for what concerns this record alone
 */
export async function observeRecord(
  { known }: Pick<ObserveParts, 'known'>,
  id: string,
  old: ServerState | undefined,
): Promise<ServerState | null> {
  try {
    return stateOf((await known(id)).record);
  } catch (error) {
    return withoutRecord(error, old);
  }
}

/** What it means that a record was not had. @throws `error`, if it is not about this record */
function withoutRecord(error: unknown, old: ServerState | undefined): ServerState | null {
  if (explainTlsError(error)?.code === 'MCP_TLS_NOT_REGISTERED') return null;
  // With an id it is: its approval is over, or it cannot be read.
  if (!isStoreError(error) || error.id === undefined) throw error;
  const { code, message } = error;
  return {
    at: Date.now(),
    recorded: old?.recorded ?? UNREADABLE,
    recordEnds: old?.recordEnds ?? new Date().toISOString(),
    refusal: { code, message },
  };
}

/**
 * Connects to a server once, as a request would, and says what came of it. A certificate that is
 * accepted and new goes on record.
 */
export async function observeServer(
  parts: ObserveParts,
  id: string,
  old: ServerState | undefined,
  signal: AbortSignal,
): Promise<ServerState | null> {
  let server: KnownServer;
  try {
    server = await parts.known(id);
  } catch (error) {
    return withoutRecord(error, old);
  }
  const state = stateOf(server.record);
  const way = registeredTrust(server.record);
  try {
    const leaf = await parts.tryOut(server, signal);
    if (way === 'authority') return { ...state, leafEnds: new Date(leaf.validTo).toISOString() };
    if (leaf.fingerprint === state.recorded) return state;
    return stateOf((await parts.renew(id)).record);
  } catch (error) {
    const { code, message } = explainTlsError(error) ?? {};
    if (!isVerdict(code) || message === undefined) return carriedOver(state, old);
    const refused = { ...state, refusal: { code, message } };
    if (way === 'authority') return refused;
    const peer = await parts.inspect(server, signal).catch(() => undefined);
    if (peer === undefined || peer.description.fingerprint === state.recorded) return refused;
    const { fingerprint, notAfter } = peer.description;
    return { ...refused, presented: { fingerprint, notAfter: notAfter.toISOString() } };
  }
}

/** Nobody answered, or nothing that says anything about the server's trust. */
const NO_VERDICT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...UNREACHED,
  'MCP_TLS_REDIRECT_REFUSED',
  'MCP_TLS_PLAIN_HTTP_REFUSED',
  'MCP_TLS_CLOSED',
]);

/** Whether the code says that a server was not trusted, or its record not usable. */
export function isVerdict(code: ErrorCode | undefined): code is ErrorCode {
  return code !== undefined && !NO_VERDICT.has(code);
}

function stateOf({ fingerprint, notAfter, expiresAt }: StoredCertificate): ServerState {
  const recordEnds = expiresAt !== undefined && expiresAt < notAfter ? expiresAt : notAfter;
  return { at: Date.now(), recorded: fingerprint, recordEnds };
}

/** What was found last still holds, as far as it was about this record. */
function carriedOver(state: ServerState, old: ServerState | undefined): ServerState {
  return old?.recorded === state.recorded ? { ...old, ...state } : state;
}
