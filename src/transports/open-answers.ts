import type { JSONRPCMessage, RequestId } from '@modelcontextprotocol/sdk/types.js';

/** The requests of a transport whose answers are still to come over a stream. */
export interface OpenAnswers {
  /** To be called before a message is sent, and with every message that arrives. */
  sending(message: JSONRPCMessage | readonly JSONRPCMessage[]): void;
  arrived(message: JSONRPCMessage): void;
  /** The request was taken; if its answer has not come yet, it will come over a stream. */
  sent(message: JSONRPCMessage | readonly JSONRPCMessage[]): void;
  /** It was not: whoever sent it knows. */
  failed(message: JSONRPCMessage | readonly JSONRPCMessage[]): void;
  /** Its stream can be taken up again over another connection. */
  resumable(message: JSONRPCMessage | readonly JSONRPCMessage[]): void;
  /** Answers in the server's place, for those whose stream has ended. */
  end(error: Error, final: boolean): readonly JSONRPCMessage[];
}

/** JSON-RPC's range for implementations; the SDK's own "connection closed". */
const CONNECTION_CLOSED = -32_000;

interface OpenAnswer {
  streaming: boolean;
  resumable: boolean;
}

/**
 * The SDK leaves a call waiting for its time limit (a minute) when the stream of its answer breaks off.
 */
export function makeOpenAnswers(): OpenAnswers {
  const open = new Map<RequestId, OpenAnswer>();

  function each(
    input: JSONRPCMessage | readonly JSONRPCMessage[],
    action: (id: RequestId) => void,
  ): void {
    for (const message of Array.isArray(input) ? input : [input]) {
      if ('method' in message && 'id' in message) action(message.id);
    }
  }

  function mark(message: JSONRPCMessage | readonly JSONRPCMessage[], as: keyof OpenAnswer): void {
    each(message, (id) => {
      const answer = open.get(id);
      if (answer !== undefined) answer[as] = true;
    });
  }

  return {
    sending: (message) =>
      each(message, (id) => open.set(id, { streaming: false, resumable: false })),
    arrived(message) {
      if (!('method' in message) && 'id' in message && message.id !== undefined) {
        open.delete(message.id);
      }
    },
    sent: (message) => mark(message, 'streaming'),
    failed: (message) => each(message, (id) => open.delete(id)),
    resumable: (message) => mark(message, 'resumable'),
    end(error, final) {
      const ended = [...open].filter(([, one]) => one.streaming && (final || !one.resumable));
      return ended.map(([id]) => ({
        jsonrpc: '2.0',
        id,
        error: { code: CONNECTION_CLOSED, message: error.message, data: error },
      }));
    },
  };
}
