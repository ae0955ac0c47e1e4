// As examples/hosts/mcp-use.mjs, but without disableSseFallback: how the pin is lost.
import { readFileSync } from 'node:fs';
import { makeCustomClientFactory } from 'mcp-tls/core';
import { MCPClient } from 'mcp-use';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const client = new MCPClient({ mcpServers: { pinned: { url, fetch: factory({ url }) } } });
try {
  const session = await client.createSession('pinned');
  const { content } = await session.callTool('add', { a: 2, b: 3 });
  console.log(content[0].text);
} finally {
  await client.closeAllSessions();
  await factory.close();
}
