import type { Client } from 'undici';
import type { ConnectCallback, Connector, ConnectTarget } from '../connect/connector.js';
import { type Peer, peerOf } from '../connect/peer-of.js';
import { TlsConfigError } from '../errors.js';
import { BarrenBytes } from './barren-bytes.js';
import { badAnswer, type Ending } from './fetch-error.js';
import { guardSocket } from './guarded-socket.js';
import type { Undici } from './load-undici.js';

/**
 * How many connections to one origin a factory has at most, where nothing is said. A server that answers
 * nothing holds one for each request, and the descriptors of a process are everybody's.
 */
export const MAX_CONNECTIONS = 256;

/** How many of them stay open without a request, for the next ones. A burst leaves no more behind. */
const MAX_IDLE = 64;

/** And for how long at most, whatever the server's Keep-Alive says; 4 s where it says nothing. */
const MAX_IDLE_MS = 60_000;

/** A connection for one request at a time. */
export interface Connection extends Client {
  /** Of what is being read over it. */
  readonly bytes: BarrenBytes;
}

/** What the connections of an origin are made of. */
export interface ConnectionsParts {
  readonly undici: Undici;
  readonly origin: string;
  readonly connector: Connector;
  /** How many there may be. */
  readonly max: number;
  /** Called whenever there is none any more, and nobody waits for one. */
  readonly onEmpty: () => void;
}

/** What there is of connections at one moment. */
export interface ConnectionStats {
  /** Sockets, those being opened included. */
  readonly connections: number;
  /** Those of them that no request or answer uses. An open event stream uses one. */
  readonly idle: number;
  /** Requests that wait for a connection, because there are `maxConnections`. */
  readonly waiting: number;
}

/**
 * The connections to one origin under one policy: as many as there are requests, up to a maximum. The GET
 * stream of an MCP session never ends, and must not hold up its POSTs.
 *
 * Not undici's Pool, which takes a connection for free only a turn of the event loop after its answer
 * has ended: calls one after another would open a second one. Its Client waits for that turn before it
 * writes (a server that closes is noticed then), so it can be had at once.
 *
 * - `#all` are those in use, free, and being made; none of them was destroyed.
 * - `#free` are some of these, the one that was used last at the end, and no more than {@link MAX_IDLE}.
 * - Somebody waits only while there are as many as there may be, all in use.
 */
export class Connections {
  readonly #parts: ConnectionsParts;
  readonly #all = new Set<Connection>();
  readonly #free: Connection[] = [];
  readonly #waiting = new Set<() => void>();
  /** How to give up a connection that is being made. */
  readonly #attempts = new Map<Connection, () => void>();
  readonly #used = new WeakSet<Connection>();
  readonly #connects = new WeakMap<Connection, number>();
  /** Of this moment. */
  #connector: Connector;
  /** What each is connected by. */
  readonly #connectedBy = new WeakMap<Connection, Connector>();
  readonly #peers = new WeakMap<Connection, Peer>();
  #destroyed = false;

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
    this.#connector = parts.connector;
  }

  /**
   * New connections are made by `connector`, those that are being made too. Those that there are serve no new
   * request.
   *
   * @param ended why they are ended at once; `undefined`: they may come to their end
   */
  renew(connector: Connector, ended: Error | undefined): void {
    this.#connector = connector;
    for (const one of this.#free.splice(0)) this.discard(one);
    if (ended === undefined) return;
    for (const one of [...this.#all]) {
      // Whoever uses it fails with this, and discards it.
      if (this.#isOld(one)) one.destroy(ended).catch(() => {});
    }
  }

  #isOld(connection: Connection): boolean {
    const by = this.#connectedBy.get(connection);
    return by !== undefined && by !== this.#connector;
  }

  /** Whether there is none, and nobody waits for one. */
  get isEmpty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0;
  }

  /**
   * A free connection, the one that was used last; or a new one, which connects when it is used.
   *
   * @returns `undefined` if there are as many as there may be, all in use
   * @throws {TlsConfigError} `MCP_TLS_CLOSED`
   */
  take(): Connection | undefined {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    return this.#all.size < this.#parts.max ? this.takeNew() : undefined;
  }

  /** A new connection. @throws {TlsConfigError} `MCP_TLS_CLOSED` */
  takeNew(): Connection {
    if (this.#destroyed) throw new TlsConfigError('MCP_TLS_CLOSED', 'the client factory is closed');
    const connection = this.#make();
    this.#all.add(connection);
    // The server closed it, or its time was over.
    connection.on('disconnect', () => {
      const index = this.#free.indexOf(connection);
      if (index === -1) return;
      this.#free.splice(index, 1);
      this.discard(connection);
    });
    return connection;
  }

  /**
   * Calls `turn` once it is worth trying again, first come, first served; `late` after `ms`, 0: never.
   *
   * @returns ends the wait
   */
  wait(ms: number, turn: () => void, late: () => void): () => void {
    const end = (): void => {
      clearTimeout(timer);
      this.#waiting.delete(onTurn);
    };
    const endWith = (then: () => void) => (): void => {
      end();
      then();
    };
    const onTurn = endWith(turn);
    const timer = ms > 0 ? setTimeout(endWith(late), ms) : undefined;
    this.#waiting.add(onTurn);
    return end;
  }

  /** Whether a request was answered over it before. */
  wasUsed(connection: Connection): boolean {
    return this.#used.has(connection);
  }

  /** What is known of it, to say why it broke off; `undefined` before it is connected. */
  endingOf(connection: Connection, hasAnswered: boolean): Ending | undefined {
    const peer = this.#peers.get(connection);
    return peer && { peer, isFresh: !(hasAnswered || this.wasUsed(connection)) };
  }

  /** How often it connected: a connection that is closed before a request is written connects once more. */
  connects(connection: Connection): number {
    return this.#connects.get(connection) ?? 0;
  }

  stats(): ConnectionStats {
    return {
      connections: this.#all.size,
      idle: this.#free.length,
      waiting: this.#waiting.size,
    };
  }

  /** Gives back a connection whose answer was read to its end. */
  giveBack(connection: Connection): void {
    if (!this.#all.has(connection)) return;
    if (this.#free.length >= MAX_IDLE || this.#isOld(connection)) {
      this.discard(connection);
      return;
    }
    this.#used.add(connection);
    this.#free.push(connection);
    this.#callNext();
  }

  /** Ends a connection whose state is not known. */
  discard(connection: Connection): void {
    this.#all.delete(connection);
    // Nobody waits for it any more, and its socket counts as long as it is there.
    this.#attempts.get(connection)?.();
    this.#attempts.delete(connection);
    // Rejects only for being destroyed already.
    connection.destroy().catch(() => {});
    this.#callNext();
    if (this.isEmpty) this.#parts.onEmpty();
  }

  /** Ends all, those in use included. */
  async destroy(): Promise<void> {
    this.#destroyed = true;
    const ending = [...this.#all].map((connection) => connection.destroy());
    this.#all.clear();
    this.#free.length = 0;
    // Each finds that it is closed.
    for (const turn of [...this.#waiting]) turn();
    await Promise.all(ending);
  }

  #make(): Connection {
    const { undici, origin } = this.#parts;
    const bytes = new BarrenBytes();
    const client = new undici.Client(origin, {
      connect: (target, callback) => {
        this.#connects.set(connection, this.connects(connection) + 1);
        this.#connect(connection, target, (...[error, socket]) => {
          if (error !== null) {
            callback(error, null);
            return;
          }
          bytes.watch(socket, () => badAnswer(new URL(origin), BARREN));
          callback(null, guardSocket(connection, socket));
        });
      },
      // MCP over HTTP/2 deadlocks in undici before 8.7; the connector offers http/1.1 only.
      allowH2: false,
      pipelining: 1,
      keepAliveMaxTimeout: MAX_IDLE_MS,
      // Both are set for each request.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const connection: Connection = Object.assign(client, { bytes });
    return connection;
  }

  /** One attempt, and another wherever the policy changed meanwhile: no connection rests on what was before. */
  #connect(connection: Connection, target: ConnectTarget, callback: ConnectCallback): void {
    const connector = this.#connector;
    this.#connectedBy.delete(connection);
    this.#peers.delete(connection);
    const giveUp = connector.connect(target, (...result) => {
      if (connector !== this.#connector && this.#all.has(connection)) {
        result[1]?.destroy();
        this.#connect(connection, target, callback);
        return;
      }
      this.#attempts.delete(connection);
      this.#connectedBy.set(connection, connector);
      const peer = result[1] === null ? undefined : peerOf(result[1]);
      if (peer !== undefined) this.#peers.set(connection, peer);
      callback(...result);
    });
    this.#attempts.set(connection, giveUp);
  }

  #callNext(): void {
    const [turn] = this.#waiting;
    if (this.#free.length > 0 || this.#all.size < this.#parts.max) turn?.();
  }
}

/** What one request uses of them. */
export type ConnectionsOfOne = Pick<
  Connections,
  'take' | 'takeNew' | 'wait' | 'wasUsed' | 'endingOf' | 'giveBack' | 'discard'
>;

const BARREN =
  'it sends bytes without end that bring nothing of its answer, such as chunk extensions';
