import type { PingTransport } from './ping-transport.js';

/** Known to servers of both transports; one that knows a later version answers with this or its own. */
const PROTOCOL_VERSION = '2025-06-18';

/**
 * Starts an MCP session, pings, ends it.
 *
 * @param signal when to give up: rejects with its reason
 * @throws what the transport rejects with, the signal's reason, or an Error with the server's JSON-RPC error
 */
export async function pingMcp(transport: PingTransport, signal: AbortSignal): Promise<void> {
  let onAbort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  aborted.catch(() => {});
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const conversation = converse(transport);
    conversation.catch(() => {});
    await Promise.race([conversation, aborted]);
    // So that the server need not keep it until it times out; one that cannot says 405.
    await Promise.race([transport.terminateSession(), aborted]).catch(() => {});
  } finally {
    signal.removeEventListener('abort', onAbort);
    await transport.close().catch(() => {});
  }
}

async function converse(transport: PingTransport): Promise<void> {
  const ask = async (id: number, method: string, params?: object): Promise<object> => {
    const message = { jsonrpc: '2.0', id, method, ...(params && { params }) };
    const { error, result } = await transport.request(message);
    // What it says of the error is not repeated: it may hold the token of the request.
    if (error !== undefined && error !== null) {
      const code = Number.isInteger(error.code) ? ` ${error.code}` : '';
      throw new Error(`${method}: the server answered with the error${code}`);
    }
    if (typeof result === 'object' && result !== null) return result;
    throw new Error(`${method}: the server answered without a result`);
  };
  await transport.start();
  const { protocolVersion } = (await ask(1, 'initialize', {
    protocolVersion: PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: 'mcp-tls', version: '1' },
  })) as { protocolVersion?: unknown };
  if (typeof protocolVersion !== 'string' || !/^[\w.-]{1,64}$/.test(protocolVersion)) {
    throw new Error('initialize: the server answered without a protocol version');
  }
  transport.setProtocolVersion(protocolVersion);
  await transport.notify({ jsonrpc: '2.0', method: 'notifications/initialized' });
  await ask(2, 'ping');
}
