import { MCPClient } from 'mcp-use';
import { orEnd, pin } from './pinned.mjs';

export async function connect(url, trust) {
  const { fetch, end } = pin(url, trust);
  const client = new MCPClient({
    mcpServers: { pinned: { url, fetch, disableSseFallback: true } },
  });
  const close = async () => {
    await client.closeAllSessions();
    await end();
  };
  const session = await orEnd(close, () => client.createSession('pinned'));
  return { call: () => session.callTool('add', { a: 2, b: 3 }), close };
}
