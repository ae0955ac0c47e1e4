import { plain } from '../errors/mcp-tls-error.js';
import { explainTlsError } from '../explain-tls-error.js';

/** Of a JSON-RPC request. */
export type RpcId = string | number;

/** What is read of a JSON-RPC message. Its text goes on as it came. */
export interface RpcMessage {
  readonly kind: 'request' | 'notification' | 'response';
  readonly id: RpcId | undefined;
  readonly method: string;
  /** Of a request or notification; `{}` if it has none. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Of a response that is not an error. */
  readonly result: unknown;
}

/** A failure that the bridge itself reports, and no matter of TLS. `reason` is for programs. */
export class BridgeError extends Error {
  readonly reason: BridgeFailure;
  /** Of the server's HTTP answer. */
  readonly status: number | undefined;

  constructor(reason: BridgeFailure, message: string, status?: number) {
    super(message);
    this.reason = reason;
    this.status = status;
  }
}

/** `error.data.reason` of what the bridge answers in the server's place, apart from TLS. */
export type BridgeFailure =
  | 'session-ended'
  | 'not-connected'
  | 'unauthorized'
  | 'http-status'
  | 'bad-answer'
  | 'no-answer'
  | 'stream-ended'
  | 'too-large'
  | 'closed';

/** JSON-RPC's range for implementations; the SDKs' own "connection closed". */
const SERVER_ERROR = -32_000;
export const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;

/** The messages in one JSON text; `undefined` if it is none, or not of JSON-RPC. */
export function readMessages(text: string): readonly RpcMessage[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const list = Array.isArray(value) ? value : [value];
  const messages = list.map(readMessage);
  return messages.length > 0 && messages.every((one) => one !== undefined)
    ? (messages as RpcMessage[])
    : undefined;
}

/** One message, of what was parsed. Nothing is a request and an answer at once. */
export function readMessage(value: unknown): RpcMessage | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { id, method, params, result, error, jsonrpc } = value as Readonly<Record<string, unknown>>;
  if (jsonrpc !== '2.0') return undefined;
  const rpcId = typeof id === 'string' || typeof id === 'number' ? id : undefined;
  if (typeof method === 'string') {
    if (rpcId === undefined && id !== undefined) return undefined;
    // A client may read it as either: as the answer to a request of its own, too.
    if (result !== undefined || error !== undefined) return undefined;
    const given = typeof params === 'object' && params !== null ? params : {};
    const kind = rpcId === undefined ? 'notification' : 'request';
    return { kind, id: rpcId, method, params: given as Record<string, unknown>, result: undefined };
  }
  if (result === undefined && error === undefined) return undefined;
  return { kind: 'response', id: rpcId, method: '', params: {}, result };
}

/** Whether an id is read as it is written: not a number that another one is read as, too. */
export function isClearId(id: unknown): boolean {
  if (typeof id !== 'number') return true;
  return Number.isFinite(id) && (!Number.isInteger(id) || Number.isSafeInteger(id));
}

/** JSON on one line. Between its tokens a line break means nothing; within a string there is none. */
export function onOneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replace(/[\r\n]+/g, ' ') : json;
}

/** An answer in the server's place. */
export function errorAnswer(id: RpcId | null, error: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: rpcError(error) });
}

/** The same, of an error without more than a message. */
export function plainAnswer(id: RpcId | null, code: number, message: string): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } });
}

/**
 * What a client sees. Of an error of ours all that it says of itself, which holds no secret; of the
 * bridge's own its reason; of others nothing, as their text may be anybody's.
 */
function rpcError(error: unknown): {
  readonly code: number;
  readonly message: string;
  readonly data: object;
} {
  const ours = explainTlsError(error);
  if (ours !== undefined) {
    const { message } = ours;
    return { code: SERVER_ERROR, message, data: { ...ours.toJSON(), reason: message } };
  }
  if (error instanceof BridgeError) {
    const { reason, status, message } = error;
    return { code: SERVER_ERROR, message, data: { reason, ...(status && { status }) } };
  }
  const message = 'the bridge could not carry this request';
  return { code: SERVER_ERROR, message, data: { reason: 'failed' } };
}

/** One line for a person, of the same. */
export function shown(error: unknown): string {
  const { message, data } = rpcError(error);
  const { code, hint } = data as { readonly code?: string; readonly hint?: string };
  return plain([code && `${code}:`, message, hint && `(${hint})`].filter(Boolean).join(' '));
}
