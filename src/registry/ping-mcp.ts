import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** Known to servers of both transports; one that knows a later version answers with this or its own. */
const PROTOCOL_VERSION = '2025-06-18';

/** A transport for one exchange: the SDK's classes, whose session can be ended. */
export type PingTransport = Transport & { terminateSession?(): Promise<void> };

/** When to give up. */
export interface PingLimit {
  readonly signal: AbortSignal;
  /** What to reject with when the signal aborts. @param cause what went wrong meanwhile, and was not fatal */
  readonly reason: (cause: Error | undefined) => unknown;
}

/**
 * Starts an MCP session, pings, ends it. Without the SDK's `Client`: three messages need none.
 *
 * @throws what the transport rejects with, the limit's reason, or an Error with the server's JSON-RPC error
 */
export async function pingMcp(
  transport: PingTransport,
  { signal, reason }: PingLimit,
): Promise<void> {
  const waiting = new Map<unknown, (message: JSONRPCMessage) => void>();
  let fail: (error: unknown) => void = () => {};
  const failed = new Promise<never>((_, reject) => {
    fail = reject;
  });
  failed.catch(() => {});
  transport.onmessage = (message: JSONRPCMessage) => {
    if (!('method' in message) && 'id' in message) waiting.get(message.id)?.(message);
  };
  // Not fatal by itself: a server that offers no stream of its own is as good.
  let lastError: Error | undefined;
  transport.onerror = (error) => {
    lastError = error;
  };
  let started = false;
  // A transport that cannot start closes itself, and then rejects with the reason.
  transport.onclose = () => {
    if (started) fail(new Error('the server ended the session', { cause: lastError }));
  };

  const onAbort = (): void => fail(reason(lastError));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });

  async function request(id: number, method: string, params?: object): Promise<unknown> {
    const answer = new Promise<JSONRPCMessage>((resolve) => waiting.set(id, resolve));
    const message = { jsonrpc: '2.0', id, method, ...(params && { params }) };
    await transport.send(message as JSONRPCMessage);
    const response = await answer;
    if ('error' in response) throw new Error(`${method}: ${response.error.message}`);
    return (response as { result?: unknown }).result;
  }

  async function converse(): Promise<void> {
    await transport.start();
    started = true;
    const result = (await request(1, 'initialize', {
      protocolVersion: PROTOCOL_VERSION,
      capabilities: {},
      clientInfo: { name: 'mcp-tls', version: '1' },
    })) as { protocolVersion?: string } | undefined;
    transport.setProtocolVersion?.(result?.protocolVersion ?? PROTOCOL_VERSION);
    await transport.send({ jsonrpc: '2.0', method: 'notifications/initialized' });
    await request(2, 'ping');
  }

  try {
    const conversation = converse();
    conversation.catch(() => {});
    await Promise.race([conversation, failed]);
    // So that the server need not keep it until it times out; one that cannot says 405.
    await Promise.race([transport.terminateSession?.(), failed]).catch(() => {});
  } finally {
    signal.removeEventListener('abort', onAbort);
    transport.onerror = () => {};
    transport.onclose = () => {};
    await transport.close().catch(() => {});
  }
}
