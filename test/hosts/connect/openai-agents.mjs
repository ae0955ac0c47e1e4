import { MCPServerSSE, MCPServerStreamableHttp } from '@openai/agents';
import { orEnd, pin } from './pinned.mjs';

const SERVERS = { http: MCPServerStreamableHttp, sse: MCPServerSSE };

export async function connect(url, trust, transport) {
  const { fetch, end } = pin(url, trust);
  const server = new SERVERS[transport]({ url, fetch });
  const close = async () => {
    await server.close();
    await end();
  };
  await orEnd(close, () => server.connect());
  return { call: () => server.callTool('add', { a: 2, b: 3 }), close };
}
