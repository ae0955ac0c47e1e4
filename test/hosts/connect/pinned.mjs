import { makeCustomClientFactory } from 'mcp-tls/core';

/** A fetch that is pinned, and what ends it. */
export function pin(url, trust) {
  const factory = makeCustomClientFactory(trust);
  try {
    return { fetch: factory({ url }), end: () => factory.close() };
  } catch (error) {
    void factory.close();
    throw error;
  }
}

/** What a host has connected, or else nothing that stays open. */
export async function orEnd(end, connect) {
  try {
    return await connect();
  } catch (error) {
    await end();
    throw error;
  }
}
