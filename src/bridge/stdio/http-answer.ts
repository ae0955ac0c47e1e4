import { Buffer } from 'node:buffer';
import { BridgeError, type BridgeFailure, type RpcId, readMessages } from '../rpc.js';
import type { Upstream } from '../upstream.js';

/** Of an error's body, for what it says in JSON-RPC. */
const MAX_ERROR_BYTES = 64 * 1024;

/** The server answered a message with an error status. */
export class HttpStatusError extends BridgeError {
  declare readonly status: number;
  /** The JSON-RPC error in its body, as the answer to the request that it was about. */
  readonly answer: string | undefined;

  constructor(reason: BridgeFailure, message: string, status: number, answer?: string) {
    super(reason, message, status);
    this.answer = answer;
  }
}

/** What an answer with an error status means. Reads its body. */
export async function statusError(
  { url }: Upstream,
  response: Response,
  { hasSession, ids }: { readonly hasSession: boolean; readonly ids: readonly RpcId[] },
): Promise<HttpStatusError> {
  const { status } = response;
  const text = await readSome(response);
  const { host } = url;
  if (status === 404 && hasSession) {
    const message = `${host}: the server has ended the session (404): start the program anew`;
    return new HttpStatusError('session-ended', message, status);
  }
  const answer = ids.length === 1 ? errorIn(text, ids[0] as RpcId) : undefined;
  if (status === 401 || status === 403) {
    const message = `${host}: the server wants other credentials (${status}): see --header-env`;
    return new HttpStatusError('unauthorized', message, status, answer);
  }
  return new HttpStatusError('http-status', `${host}: the answer is ${status}`, status, answer);
}

/** A JSON-RPC error about the request, or about no request in particular. */
function errorIn(text: string, id: RpcId): string | undefined {
  const [message, ...more] = readMessages(text) ?? [];
  if (message?.kind !== 'response' || more.length > 0) return undefined;
  if (message.id !== undefined && message.id !== id) return undefined;
  const { error } = JSON.parse(text);
  return error === undefined ? undefined : JSON.stringify({ jsonrpc: '2.0', id, error });
}

async function readSome(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > MAX_ERROR_BYTES) return '';
      pieces.push(chunk);
    }
  } catch {
    return '';
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Reads the rest of an answer that says nothing, so that its connection serves the next request. */
export async function drop(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

/** What a body holds, by its type. */
export function answerKind({ headers, body }: Response): 'json' | 'events' | 'other' {
  const type = (headers.get('content-type') ?? '').toLowerCase().split(';')[0]?.trim();
  if (body === null) return 'other';
  if (type === 'text/event-stream') return 'events';
  return type === 'application/json' ? 'json' : 'other';
}
