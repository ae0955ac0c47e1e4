import { createMCPClient } from '@ai-sdk/mcp';
import { orEnd, pin } from './pinned.mjs';

export async function connect(url, trust, type) {
  const { fetch, end } = pin(url, trust);
  const client = await orEnd(end, () => createMCPClient({ transport: { type, url, fetch } }));
  const close = async () => {
    await client.close();
    await end();
  };
  const { add } = await orEnd(close, () => client.tools());
  return { call: () => add.execute({ a: 2, b: 3 }, { toolCallId: '1', messages: [] }), close };
}
