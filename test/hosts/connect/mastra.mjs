import { MCPClient } from '@mastra/mcp';
import { orEnd, pin } from './pinned.mjs';

let count = 0;

export async function connect(url, trust) {
  const { fetch, end } = pin(url, trust);
  // Two of the same configuration are an error, unless their ids differ.
  const id = `battery-${count++}`;
  const client = new MCPClient({ id, servers: { pinned: { url: new URL(url), fetch } } });
  const close = async () => {
    await client.disconnect();
    await end();
  };
  const add = await orEnd(close, async () => {
    const { tools, errors } = await client.listToolsWithErrors();
    if (tools.pinned_add === undefined) throw new Error(JSON.stringify(errors));
    return tools.pinned_add;
  });
  return { call: () => add.execute({ a: 2, b: 3 }, {}), close };
}
