import { createServer, connect as dial, type Socket } from 'node:net';

/** Stands between a client and its Redis, and can do to their connections what a network does. */
export interface TcpProxy {
  /** The URL of the Redis, by way of this. */
  readonly url: string;
  /** Whether connections that have subscribed carry nothing from now on, and stay open. */
  freezeSubscriptions(frozen: boolean): void;
  /** Whether whatever is sent to those that have subscribed is lost, and only that. */
  loseMessages(lost: boolean): void;
  /** How many connections have subscribed, ever. */
  readonly subscriptions: number;
  close(): Promise<void>;
}

export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const subscribed = new Set<Socket>();
  let [lost, count] = [false, 0];
  const frozen = new Set<Socket>();

  const server = createServer((client) => {
    const redis = dial(Number(port), hostname);
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        subscribed.delete(client);
        client.destroy();
        redis.destroy();
      });
    }
    client.on('data', (data) => {
      if (data.includes('\nsubscribe') && !subscribed.has(client)) {
        subscribed.add(client);
        count++;
      }
      if (!frozen.has(client)) redis.write(data);
    });
    redis.on('data', (data) => {
      if (frozen.has(client) || (lost && subscribed.has(client))) return;
      client.write(data);
    });
  });
  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: own } = server.address() as { port: number };
  return {
    url: `redis://127.0.0.1:${own}`,
    freezeSubscriptions(stop) {
      frozen.clear();
      if (stop) for (const socket of subscribed) frozen.add(socket);
    },
    loseMessages(lose) {
      lost = lose;
    },
    get subscriptions() {
      return count;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
