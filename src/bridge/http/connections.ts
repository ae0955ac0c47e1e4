import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';

/**
 * Bounds how many connections a server has. Where there are too many, the oldest of those on which no request has
 * come yet ends: connections that say nothing keep nobody out who says what they want.
 */
export function boundConnections(server: Server, max: number): void {
  const open = new Set<Socket>();
  /** In the order in which they came. */
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    silent.add(socket);
    socket.once('close', () => {
      open.delete(socket);
      silent.delete(socket);
    });
    if (open.size <= max) return;
    const [oldest = socket] = silent;
    silent.delete(oldest);
    // Now, and not when it has closed: the next one comes before that.
    open.delete(oldest);
    oldest.destroy();
  });
  server.prependListener('request', ({ socket }: IncomingMessage) => silent.delete(socket));
}
