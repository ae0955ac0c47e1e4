/** Names one request of JSON-RPC. */
export type CallId = string | number;

/** A JSON-RPC message, as much as is read of it here: that of either SDK. */
export interface RpcMessage {
  readonly jsonrpc: string;
  readonly id?: CallId;
  readonly method?: string;
}

export type Messages = RpcMessage | readonly RpcMessage[];

/** What is answered in the server's place. */
export interface ErrorAnswer extends RpcMessage {
  readonly id: CallId;
  readonly error: { readonly code: number; readonly message: string; readonly data: Error };
}

export type EndedAnswers = readonly ErrorAnswer[];

/** JSON-RPC's range for implementations; the SDK's own "connection closed". */
const CONNECTION_CLOSED = -32_000;

/** The answer in the server's place to the request with this id. */
export function answerOf(id: CallId, error: Error): ErrorAnswer {
  return {
    jsonrpc: '2.0',
    id,
    error: { code: CONNECTION_CLOSED, message: error.message, data: error },
  };
}

/** The ids of the requests in it. */
export function idsOf(message: Messages): ReadonlySet<CallId> {
  const ids = new Set<CallId>();
  each(message, (id) => ids.add(id));
  return ids;
}

/** Does something for each request in it. */
export function each(input: Messages, action: (id: CallId) => void): void {
  for (const message of Array.isArray(input) ? input : [input]) {
    if (typeof message !== 'object' || message === null) continue;
    const { id, method } = message;
    if (method !== undefined && id !== undefined) action(id);
  }
}

/** The request by which SDK v2 asks a server which protocol it speaks (2026-07-28). */
export function probeIn(message: Messages): CallId | undefined {
  const { id, method } = message as RpcMessage;
  return method === 'server/discover' ? id : undefined;
}

/**
 * The requests in the body of an HTTP request that has nothing else in it. None of any other: if it were ended with
 * its calls, a notification or an answer that is sent along would be lost.
 */
export function callsAloneIn(body: string | undefined): Set<CallId> {
  const calls = new Set<CallId>();
  try {
    const messages: unknown = JSON.parse(body ?? 'null');
    for (const message of Array.isArray(messages) ? messages : [messages]) {
      const { id, method } = Object(message) as Partial<RpcMessage>;
      if (method === undefined || id === undefined) return new Set();
      calls.add(id);
    }
  } catch {
    // A request of an authorization: no message.
  }
  return calls;
}

/** The requests in the body of an HTTP request, by which their answers are known; none in what is no message. */
export function requestsIn(body: string): readonly RpcMessage[] {
  const requests: RpcMessage[] = [];
  try {
    const messages: Messages = JSON.parse(body);
    for (const id of idsOf(messages)) requests.push({ jsonrpc: '2.0', id, method: '' });
  } catch {
    // Of a host that sends something of its own.
  }
  return requests;
}
