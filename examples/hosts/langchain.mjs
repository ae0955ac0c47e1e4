// @langchain/mcp-adapters takes no fetch in its configuration, but tools from any client of the SDK.
import { readFileSync } from 'node:fs';
import { loadMcpTools } from '@langchain/mcp-adapters';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { sseClient, streamableHttpClient } from 'mcp-tls';

const trust = readFileSync(process.env.MCP_CA, 'utf8');
const makeTransport = process.env.MCP_TRANSPORT === 'sse' ? sseClient : streamableHttpClient;
const client = new Client({ name: 'langchain-host', version: '1.0.0' });
await client.connect(makeTransport(process.env.MCP_URL, { trust }));
try {
  const tools = await loadMcpTools('pinned', client);
  console.log(await tools.find(({ name }) => name === 'add').invoke({ a: 2, b: 3 }));
} finally {
  await client.close();
}
