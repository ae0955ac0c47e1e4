// @mastra/mcp 0.14 takes a fetch and does not call it: how the pin is lost.
import { readFileSync } from 'node:fs';
import { MCPClient } from '@mastra/mcp';
import { makeCustomClientFactory } from 'mcp-tls/core';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const client = new MCPClient({
  servers: { pinned: { url: new URL(url), fetch: factory({ url }) } },
});
try {
  const tools = await client.getTools();
  const { content } = await tools.pinned_add.execute({ context: { a: 2, b: 3 } }, {});
  console.log(content[0].text);
} finally {
  await client.disconnect();
  await factory.close();
}
