import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** Keeps the events of one session in memory, in the order in which they were sent. */
export function createMemoryEventStore(): EventStore {
  const events: { readonly streamId: string; readonly message: JSONRPCMessage }[] = [];
  // The id is the position: unguessable ids matter between users, not inside a test.
  const positionOf = (eventId: string): number => Number(/^event-(\d+)$/.exec(eventId)?.[1] ?? -1);
  return {
    async storeEvent(streamId, message) {
      return `event-${events.push({ streamId, message }) - 1}`;
    },
    async getStreamIdForEventId(eventId) {
      return events[positionOf(eventId)]?.streamId;
    },
    async replayEventsAfter(lastEventId, { send }) {
      const position = positionOf(lastEventId);
      const streamId = events[position]?.streamId;
      if (streamId === undefined) throw new Error(`unknown event '${lastEventId}'`);
      for (const [index, event] of [...events.entries()].slice(position + 1)) {
        // The SDK stores an empty message for the event that only carries a cursor.
        if (event.streamId === streamId && Object.keys(event.message).length > 0) {
          await send(`event-${index}`, event.message);
        }
      }
      return streamId;
    },
  };
}
