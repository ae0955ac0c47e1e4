import { loadMcpTools } from '@langchain/mcp-adapters';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { sseClient, streamableHttpClient } from 'mcp-tls';
import { orEnd } from './pinned.mjs';

const MAKE = { http: streamableHttpClient, sse: sseClient };

export async function connect(url, trust, transport) {
  const client = new Client({ name: 'host', version: '1.0.0' });
  const close = () => client.close();
  const tools = await orEnd(close, async () => {
    await client.connect(MAKE[transport](url, { trust }));
    return loadMcpTools('pinned', client);
  });
  const add = tools.find(({ name }) => name === 'add');
  return { call: () => add.invoke({ a: 2, b: 3 }), close };
}
