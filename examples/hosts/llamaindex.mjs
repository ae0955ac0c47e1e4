// @llamaindex/tools hands its options on to the SDK's transports: a fetch among them.
import { readFileSync } from 'node:fs';
import { mcp } from '@llamaindex/tools';
import { makeCustomClientFactory } from 'mcp-tls/core';

const url = process.env.MCP_URL;
const factory = makeCustomClientFactory(readFileSync(process.env.MCP_CA, 'utf8'));
const useSSETransport = process.env.MCP_TRANSPORT === 'sse';
const server = mcp({ url, fetch: factory({ url }), useSSETransport });
try {
  const tools = await server.tools();
  const result = await tools.find(({ metadata }) => metadata.name === 'add').call({ a: 2, b: 3 });
  console.log(
    typeof result === 'string' ? JSON.parse(result).content[0].text : result.content[0].text,
  );
} finally {
  await server.cleanup();
  await factory.close();
}
