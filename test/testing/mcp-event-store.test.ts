import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it } from 'vitest';
import { createMemoryEventStore } from '../../src/testing/mcp-event-store.js';

const message = (method: string): JSONRPCMessage => ({ jsonrpc: '2.0', method });

describe('createMemoryEventStore', () => {
  it('replays what followed on the same stream, in order, without the cursor events', async () => {
    const store = createMemoryEventStore();
    const cursor = await store.storeEvent('a', {} as JSONRPCMessage);
    const first = await store.storeEvent('a', message('one'));
    await store.storeEvent('b', message('other'));
    await store.storeEvent('a', {} as JSONRPCMessage);
    const last = await store.storeEvent('a', message('two'));
    const replayed: unknown[] = [];
    const send = async (id: string, event: JSONRPCMessage): Promise<void> => {
      replayed.push([id, event]);
    };
    expect(await store.replayEventsAfter(cursor, { send })).toBe('a');
    expect(replayed).toEqual([
      [first, message('one')],
      [last, message('two')],
    ]);
    replayed.length = 0;
    await store.replayEventsAfter(first, { send });
    expect(replayed).toEqual([[last, message('two')]]);
    expect(await store.getStreamIdForEventId?.(last)).toBe('a');
  });

  it.each(['event-7', 'nonsense', ''])('knows no event %j', async (id) => {
    const store = createMemoryEventStore();
    await store.storeEvent('a', message('one'));
    expect(await store.getStreamIdForEventId?.(id)).toBeUndefined();
    await expect(store.replayEventsAfter(id, { send: async () => {} })).rejects.toThrow(/unknown/);
  });
});
