import { createMcpClient } from '@genkit-ai/mcp';
import { genkit } from 'genkit';
import { sseClient, streamableHttpClient } from 'mcp-tls';
import { orEnd } from './pinned.mjs';

const MAKE = { http: streamableHttpClient, sse: sseClient };

export async function connect(url, trust, transport) {
  const mcpServer = { transport: MAKE[transport](url, { trust }) };
  const client = createMcpClient({ name: 'pinned', mcpServer });
  const close = () => client.disable();
  const add = await orEnd(close, async () => {
    await client.ready();
    const tools = await client.getActiveTools(genkit({}));
    // It logs a refusal and goes on without tools.
    const found = tools.find(({ __action }) => __action.name.endsWith('add'));
    if (found === undefined) throw new Error('no tools');
    return found;
  });
  return { call: () => add({ a: 2, b: 3 }), close };
}
