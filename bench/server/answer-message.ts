/** A JSON-RPC message, as far as it matters here. */
export interface Message {
  readonly id?: string | number;
  readonly method?: string;
  readonly params?: {
    readonly protocolVersion?: string;
    readonly arguments?: { readonly text?: string };
  };
}

/** What an MCP server with a tool `echo` answers. `undefined`: nothing, it was a notification. */
export function answerMessage(message: Message): object | undefined {
  const { id, method, params } = message;
  if (id === undefined) return undefined;
  const head = { jsonrpc: '2.0', id };
  if (method === 'initialize') {
    const serverInfo = { name: 'bench', version: '1' };
    const protocolVersion = params?.protocolVersion;
    return { ...head, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } };
  }
  if (method === 'tools/call') {
    return {
      ...head,
      result: { content: [{ type: 'text', text: params?.arguments?.text ?? '' }] },
    };
  }
  return { ...head, error: { code: -32_601, message: 'method not found' } };
}
