import { isValidDate } from '../../assert.js';
import { validityOf } from '../../certificate/validity.js';
import type { Inspection } from '../../connect/fetch-peer-certificate.js';
import { type ErrorCode, StoreError } from '../../errors.js';
import { explainTlsError } from '../../explain-tls-error.js';
import type { CheckedServerTrust } from '../../store/record/server-trust.js';
import type { ChainReader } from '../../trust/check-trust-policy.js';
import type { CheckedClientCertificate } from '../../trust/client-certificate.js';
import { UNREACHED } from '../check-server.js';
import type { TrustReader } from '../connect/trust-reader.js';
import { factsNow, trustNow } from '../trust-now.js';
import { fileRecorded, NEVER_ENDS, ROOTS, type ServerState, UNREADABLE } from './server-state.js';

export interface ObserveDeps {
  readonly trust: TrustReader;
  /** Connects once under the trust on record. */
  readonly inspect: (
    id: string,
    server: CheckedServerTrust,
    signal: AbortSignal,
  ) => Promise<Inspection>;
  /** Stores a certificate that the trust on record covers. @throws {ApprovalRequiredError} for anything else */
  readonly renew: (id: string) => Promise<unknown>;
}

/**
 * What the record says of a server, without a connection. `null`: it is not registered.
 *
 * @param chains for whoever asks for many in a row
 * @throws whatever the store does, except for what concerns this record alone
 */
export async function observeRecord(
  { trust }: Pick<ObserveDeps, 'trust'>,
  id: string,
  old: ServerState | undefined,
  chains?: ChainReader,
): Promise<ServerState | null> {
  try {
    return stateOf(await trust(id), old, chains);
  } catch (error) {
    return withoutRecord(error, old);
  }
}

/** What it means that a record was not had. @throws `error`, if it is not about this record */
function withoutRecord(error: unknown, old: ServerState | undefined): ServerState | null {
  if (explainTlsError(error)?.code === 'MCP_TLS_NOT_REGISTERED') return null;
  // With an id it is: its approval is over, or it cannot be read.
  if (!(error instanceof StoreError) || error.id === undefined) throw error;
  const { code, message } = error;
  const now = new Date().toISOString();
  const last: Ends & Pick<ServerState, 'recorded'> = old ?? {
    recorded: UNREADABLE,
    recordEnds: NEVER_ENDS,
  };
  const isOver = code === 'MCP_TLS_STORE_EXPIRED';
  const approvalEnds = isOver ? earlier(old?.approvalEnds ?? now, now) : old?.approvalEnds;
  const { recorded } = last;
  const refusal = { code, message };
  return { at: Date.now(), recorded, ...endsOf(last), approvalEnds, refusal };
}

/** What ends, and when: kept while it cannot be read, so that its return is no other countdown. */
function endsOf({ recordEnds, recordBegins, client, leafEnds, leafBegins }: Ends): Ends {
  return { recordEnds, recordBegins, client, leafEnds, leafBegins };
}

type Ends = Pick<ServerState, 'recordEnds' | 'recordBegins' | 'client' | 'leafEnds' | 'leafBegins'>;

const earlier = (a: string, b: string): string => (a < b ? a : b);

/**
 * Connects to a server once, as a request would, and says what came of it. A certificate that is
 * accepted and new goes on record, where the record shows one.
 */
export async function observeServer(
  deps: ObserveDeps,
  id: string,
  old: ServerState | undefined,
  signal: AbortSignal,
): Promise<ServerState | null> {
  let server: CheckedServerTrust;
  try {
    server = await deps.trust(id);
  } catch (error) {
    return withoutRecord(error, old);
  }
  const state = stateOf(server, old);
  if (state.refusal !== undefined) return state;
  try {
    const { peer, look } = await deps.inspect(id, server, signal);
    const { fingerprint, notBefore, notAfter } = peer.description;
    // Under an authority or the roots, a certificate comes and goes without a record of it.
    const { trustsChains } = server.policy;
    if (look.refusal === undefined) {
      if (trustsChains) {
        return {
          ...state,
          leafEnds: notAfter.toISOString(),
          leafBegins: isValidDate(notBefore) ? notBefore.toISOString() : undefined,
        };
      }
      if (fingerprint === state.recorded || server.policy.identity === 'name') return state;
      await deps.renew(id);
      return stateOf(await deps.trust(id), old);
    }
    const { code, message } = look.refusal;
    if (!isVerdict(code)) return carriedOver(state, old);
    const refused = { ...state, ...leafOf(state, old), refusal: { code, message } };
    if (trustsChains || fingerprint === state.recorded || server.named.own.hasCaInFile)
      return refused;
    return { ...refused, presented: { fingerprint, notAfter: notAfter.toISOString() } };
  } catch (error) {
    const { code, message } = explainTlsError(error) ?? {};
    if (!isVerdict(code) || message === undefined) return carriedOver(state, old);
    return { ...state, ...leafOf(state, old), refusal: { code, message } };
  }
}

/** The end of the leaf that was accepted last: kept while it is refused, so that its return is no other countdown. */
function leafOf(state: ServerState, old: ServerState | undefined): Partial<ServerState> {
  if (old?.recorded !== state.recorded) return {};
  return { leafEnds: old.leafEnds, leafBegins: old.leafBegins };
}

/** Nobody answered, or nothing that says anything about the server's trust. */
const NO_VERDICT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  ...UNREACHED,
  'MCP_TLS_REDIRECT_REFUSED',
  'MCP_TLS_PLAIN_HTTP_REFUSED',
  'MCP_TLS_CLOSED',
  'MCP_TLS_BAD_ANSWER',
  'MCP_TLS_UNSUPPORTED_RUNTIME',
]);

/** Whether the code says that a server was not trusted, or its record not usable. */
export function isVerdict(code: ErrorCode | undefined): code is ErrorCode {
  return code !== undefined && !NO_VERDICT.has(code);
}

/**
 * Under the default roots there is no certificate on record, and no end of it. What is in a file ends, but is known by the
 * name of the file: another process may see the next one already, and neither is another record.
 */
function stateOf(
  server: CheckedServerTrust,
  old: ServerState | undefined,
  chains?: ChainReader,
): ServerState {
  const { expiresAt, approvedAt, certificate } = server.record;
  const now = trustNow(server, chains);
  const facts = factsNow(server, now);
  const files = server.named.own.files.filter(({ field }) => field === 'ca');
  const state = {
    at: Date.now(),
    recorded: certificate?.fingerprint ?? (files.length > 0 ? fileRecorded(files) : ROOTS),
    recordEnds: facts?.notAfter ?? NEVER_ENDS,
    recordBegins: facts?.notBefore,
    approvalEnds: expiresAt,
    approvalBegins: expiresAt === undefined ? undefined : approvedAt,
    client: clientOf(now.policy?.clientCertificate),
  };
  if (now.error === undefined) return state;
  const { code, message } = now.error;
  const last = old?.recorded === state.recorded ? endsOf(old) : undefined;
  // Those of a certificate that stands in the record are known all the same.
  const own = facts && { recordEnds: state.recordEnds, recordBegins: state.recordBegins };
  const client = server.record.trust.clientCertificate && last?.client;
  return { ...state, ...last, ...own, client, refusal: { code, message } };
}

function clientOf(certificate: CheckedClientCertificate | undefined): ServerState['client'] {
  if (certificate === undefined) return undefined;
  const { leaf } = certificate;
  const { notBefore, notAfter } = validityOf(leaf);
  // One with a broken date is refused at the connection, which is reported.
  if (!isValidDate(notAfter)) return undefined;
  return {
    fingerprint: leaf.fingerprint256,
    notBefore: isValidDate(notBefore) ? notBefore.toISOString() : undefined,
    notAfter: notAfter.toISOString(),
  };
}

/** What was found last still holds, as far as it was about this record. */
function carriedOver(state: ServerState, old: ServerState | undefined): ServerState {
  return old?.recorded === state.recorded ? { ...old, ...state } : state;
}
