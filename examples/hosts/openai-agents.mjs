// @openai/agents takes a fetch, and sends everything over it.
import { readFileSync } from 'node:fs';
import { MCPServerSSE, MCPServerStreamableHttp } from '@openai/agents';
import { makeCustomClientFactory } from 'mcp-tls/core';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const Server = process.env.MCP_TRANSPORT === 'sse' ? MCPServerSSE : MCPServerStreamableHttp;
const server = new Server({ url, fetch: factory({ url }) });
try {
  await server.connect();
  const [content] = await server.callTool('add', { a: 2, b: 3 });
  console.log(content.text);
} finally {
  await server.close();
  await factory.close();
}
