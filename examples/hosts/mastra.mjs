// @mastra/mcp from 2.0 on takes a fetch. 0.14 ignores it in silence: do not pin with that version.
import { readFileSync } from 'node:fs';
import { MCPClient } from '@mastra/mcp';
import { makeCustomClientFactory } from 'mcp-tls/core';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const client = new MCPClient({
  servers: { pinned: { url: new URL(url), fetch: factory({ url }) } },
});
try {
  const { tools, errors } = await client.listToolsWithErrors();
  if (tools.pinned_add === undefined) throw new Error(JSON.stringify(errors));
  const { content } = await tools.pinned_add.execute({ a: 2, b: 3 }, {});
  console.log(content[0].text);
} finally {
  await client.disconnect();
  await factory.close();
}
