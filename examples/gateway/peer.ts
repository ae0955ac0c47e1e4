/** What a worker asks the primary, and the primary its workers. */
export type Handlers = Readonly<Record<string, (body: unknown) => unknown>>;

/** The other end of an IPC channel: a `cluster.Worker`, or this `process` in a worker. */
interface Endpoint {
  // Its parameters differ between the two; this much they have in common.
  send?: ((message: object) => boolean) | undefined;
  on(event: 'message', listener: (message: unknown) => void): unknown;
  once(event: 'disconnect', listener: () => void): unknown;
}

/** Asks the other end. */
export interface Peer {
  /** The answer. Rejects if the handler over there threw, or if that process is gone. */
  ask(topic: string, body: unknown): Promise<unknown>;
}

type Message =
  | { readonly ask: number; readonly topic: string; readonly body: unknown }
  | { readonly answer: number; readonly body?: unknown; readonly failure?: string };

/** Questions and answers over Node's IPC, which by itself only has messages. */
export function makePeer(endpoint: Endpoint, handlers: Handlers): Peer {
  const waiting = new Map<number, { resolve(body: unknown): void; reject(error: Error): void }>();
  let count = 0;

  async function answer({ ask, topic, body }: Extract<Message, { ask: number }>): Promise<void> {
    try {
      const handler = handlers[topic];
      if (handler === undefined) throw new Error(`nobody answers '${topic}'`);
      endpoint.send?.({ answer: ask, body: await handler(body) });
    } catch (error) {
      endpoint.send?.({ answer: ask, failure: (error as Error).message });
    }
  }

  endpoint.on('message', (received) => {
    const message = received as Message;
    if ('ask' in message) {
      void answer(message);
    } else if ('answer' in message) {
      const question = waiting.get(message.answer);
      waiting.delete(message.answer);
      if (message.failure === undefined) question?.resolve(message.body);
      else question?.reject(new Error(message.failure));
    }
  });
  endpoint.once('disconnect', () => {
    for (const { reject } of waiting.values()) reject(new Error('the other process is gone'));
    waiting.clear();
  });

  return {
    ask: (topic, body) =>
      new Promise((resolve, reject) => {
        count++;
        waiting.set(count, { resolve, reject });
        endpoint.send?.({ ask: count, topic, body });
      }),
  };
}
