// mcp-use falls back to SSE over Node.js's own fetch when a server is refused, and would hand the token to an
// impostor there: always with disableSseFallback.
import { readFileSync } from 'node:fs';
import { makeCustomClientFactory } from 'mcp-tls/core';
import { MCPClient } from 'mcp-use';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const fetch = factory({ url });
const client = new MCPClient({ mcpServers: { pinned: { url, fetch, disableSseFallback: true } } });
try {
  const session = await client.createSession('pinned');
  const { content } = await session.callTool('add', { a: 2, b: 3 });
  console.log(content[0].text);
} finally {
  await client.closeAllSessions();
  await factory.close();
}
