import { mcp } from '@llamaindex/tools';
import { orEnd, pin } from './pinned.mjs';

export async function connect(url, trust, transport) {
  const { fetch, end } = pin(url, trust);
  const server = mcp({ url, fetch, useSSETransport: transport === 'sse' });
  const close = async () => {
    await server.cleanup();
    await end();
  };
  const tools = await orEnd(close, () => server.tools());
  const add = tools.find(({ metadata }) => metadata.name === 'add');
  // A call that fails is a text for the model here.
  const call = async () => {
    const result = await add.call({ a: 2, b: 3 });
    const text = typeof result === 'string' ? result : JSON.stringify(result);
    if (!text.includes('"5"')) throw new Error(text);
  };
  return { call, close };
}
