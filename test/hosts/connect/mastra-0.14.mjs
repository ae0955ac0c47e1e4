import { MCPClient } from '@mastra/mcp';
import { orEnd, pin } from './pinned.mjs';

let count = 0;

export async function connect(url, trust) {
  const { fetch, end } = pin(url, trust);
  const id = `battery-${count++}`;
  const client = new MCPClient({ id, servers: { pinned: { url: new URL(url), fetch } } });
  const close = async () => {
    await client.disconnect();
    await end();
  };
  const add = await orEnd(close, async () => {
    const { pinned_add } = await client.getTools();
    if (pinned_add === undefined) throw new Error('no tools');
    return pinned_add;
  });
  return { call: () => add.execute({ context: { a: 2, b: 3 } }, {}), close };
}
