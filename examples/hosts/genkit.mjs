// @genkit-ai/mcp takes a transport. It logs a refusal and goes on without tools.
import { readFileSync } from 'node:fs';
import { createMcpClient } from '@genkit-ai/mcp';
import { genkit } from 'genkit';
import { sseClient, streamableHttpClient } from 'mcp-tls';

const trust = readFileSync(process.env.MCP_CA, 'utf8');
const makeTransport = process.env.MCP_TRANSPORT === 'sse' ? sseClient : streamableHttpClient;
const transport = makeTransport(process.env.MCP_URL, { trust });
const client = createMcpClient({ name: 'pinned', mcpServer: { transport } });
try {
  await client.ready();
  const tools = await client.getActiveTools(genkit({}));
  const add = tools.find(({ __action }) => __action.name.endsWith('add'));
  if (add === undefined) throw new Error('no tools');
  console.log(String(await add({ a: 2, b: 3 })));
} finally {
  await client.disable();
}
