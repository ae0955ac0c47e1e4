import type { Client } from 'undici';
import type { Connector } from '../connect/connector.js';
import { TlsConfigError } from '../errors.js';
import { guardSocket } from './guarded-socket.js';
import type { Undici } from './load-undici.js';

/**
 * How many connections to one origin a factory has at most, where nothing is said. A server that answers
 * nothing holds one for each request, and the descriptors of a process are everybody's.
 */
export const MAX_CONNECTIONS = 256;

/** The connections to one origin under one policy, each for one request at a time. */
export interface Connections {
  /**
   * A free connection, the one that was used last; or a new one, which connects when it is used.
   *
   * @returns `undefined` if there are as many as there may be, all in use
   * @throws {TlsConfigError} `MCP_TLS_CLOSED`
   */
  take(): Client | undefined;
  /**
   * Calls `turn` once it is worth trying again, first come, first served; `late` after `ms`, 0: never.
   *
   * @returns ends the wait
   */
  wait(ms: number, turn: () => void, late: () => void): () => void;
  /** A new connection. @throws {TlsConfigError} `MCP_TLS_CLOSED` */
  takeNew(): Client;
  /** Whether a request was answered over it before. */
  wasUsed(connection: Client): boolean;
  /** Gives back a connection whose answer was read to its end. */
  giveBack(connection: Client): void;
  /** Ends a connection whose state is not known. */
  discard(connection: Client): void;
  /** Ends all, those in use included. */
  destroy(): Promise<void>;
}

/**
 * Makes the (empty) connections of an origin.
 *
 * Not undici's Pool, which takes a connection for free only a turn of the event loop after its answer
 * has ended: calls one after another would open a second one. Its Client waits for that turn before it
 * writes (a server that closes is noticed then), so it can be had at once.
 *
 * As many connections as there are requests, up to `max`: the GET stream of an MCP session never ends,
 * and must not hold up its POSTs.
 */
export function makeConnections(
  { Client }: Undici,
  origin: string,
  connector: Connector,
  max: number,
): Connections {
  const all = new Set<Client>();
  const free: Client[] = [];
  const waiting = new Set<() => void>();
  /** How to give up a connection that is being made. */
  const attempts = new Map<Client, () => void>();
  let destroyed = false;

  const used = new WeakSet<Client>();

  function make(): Client {
    if (destroyed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
    const connection = new Client(origin, {
      connect(target, callback) {
        const giveUp = connector.connect(target, (...[error, socket]) => {
          attempts.delete(connection);
          if (error === null) callback(null, guardSocket(connection, socket));
          else callback(error, null);
        });
        attempts.set(connection, giveUp);
      },
      // MCP over HTTP/2 deadlocks in undici before 8.7; the connector offers http/1.1 only.
      allowH2: false,
      pipelining: 1,
      // Both are set for each request.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    all.add(connection);
    // The server closed it, or its time was over (4 s, or what the server's Keep-Alive says).
    connection.on('disconnect', () => {
      const index = free.indexOf(connection);
      if (index === -1) return;
      free.splice(index, 1);
      discard(connection);
    });
    return connection;
  }

  function discard(connection: Client): void {
    all.delete(connection);
    // Nobody waits for it any more, and its socket counts as long as it is there.
    attempts.get(connection)?.();
    attempts.delete(connection);
    // Rejects only for being destroyed already.
    connection.destroy().catch(() => {});
    callNext();
  }

  function callNext(): void {
    const [turn] = waiting;
    if (free.length > 0 || all.size < max) turn?.();
  }

  return {
    take() {
      return free.pop() ?? (all.size < max ? make() : undefined);
    },
    wait(ms, turn, late) {
      const end = (): void => {
        clearTimeout(timer);
        waiting.delete(onTurn);
      };
      const endWith = (then: () => void) => (): void => {
        end();
        then();
      };
      const onTurn = endWith(turn);
      const timer = ms > 0 ? setTimeout(endWith(late), ms) : undefined;
      waiting.add(onTurn);
      return end;
    },
    takeNew: make,
    wasUsed: (connection) => used.has(connection),
    giveBack(connection) {
      if (!all.has(connection)) return;
      used.add(connection);
      free.push(connection);
      callNext();
    },
    discard,
    async destroy() {
      destroyed = true;
      const ending = [...all].map((connection) => connection.destroy());
      all.clear();
      free.length = 0;
      // Each finds that it is closed.
      for (const turn of [...waiting]) turn();
      await Promise.all(ending);
    },
  };
}
