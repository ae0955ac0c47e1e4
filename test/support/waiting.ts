import { createServer } from 'node:net';

/**
 * Below those that systems give to connections and to servers on port 0 (on Linux 32,768 and up): one of these could
 * be taken in the moment before the program has it.
 */
const PORTS = { first: 12_000, count: 10_000 };
/** The bus of a node of Redis Cluster listens so much above the node. */
export const BUS_OFFSET = 10_000;

/**
 * A port that nobody listens on at this moment, for programs that cannot choose one.
 *
 * @param offsets of further ports from it that the program takes
 */
export async function freePort(offsets: readonly number[] = []): Promise<number> {
  for (;;) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    const free = await Promise.all([0, ...offsets].map((offset) => isFree(port + offset)));
    if (free.every(Boolean)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const bound = new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false)).once('listening', () => resolve(true));
  });
  server.listen(port, '127.0.0.1');
  const free = await bound;
  if (free) await new Promise((resolve) => server.close(resolve));
  return free;
}

/** Tries until it works; the last error after `ms`. */
export async function eventually<T>(attempt: () => T | Promise<T>, ms = 10_000): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
