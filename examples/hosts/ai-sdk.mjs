// @ai-sdk/mcp takes a fetch, and sends everything over it.
import { readFileSync } from 'node:fs';
import { createMCPClient } from '@ai-sdk/mcp';
import { makeCustomClientFactory } from 'mcp-tls/core';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const type = process.env.MCP_TRANSPORT ?? 'http'; // or sse
const client = await createMCPClient({ transport: { type, url, fetch: factory({ url }) } });
try {
  const { add } = await client.tools();
  const { content } = await add.execute({ a: 2, b: 3 }, { toolCallId: '1', messages: [] });
  console.log(content[0].text);
} finally {
  await client.close();
  await factory.close();
}
