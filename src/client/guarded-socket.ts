import type { Client } from 'undici';
import type { ConnectCallback } from '../connect/connector.js';

type Socket = NonNullable<Parameters<ConnectCallback>[1]>;

/** Whoever is sending over a connection. */
export interface SocketUser {
  /** Its last byte was read: whatever stands still has to go on now, or never will. */
  onSocketEnd(): void;
  /** What reads it has failed, and may report nothing more. */
  onSocketFault(error: unknown): void;
}

const USERS = new WeakMap<Client, SocketUser>();

/** Sets who is notified of the end of a connection, in place of the one before. */
export function useSocket(connection: Client, user: SocketUser): void {
  USERS.set(connection, user);
}

/**
 * Has the events of a socket come as the parser of undici 7 can stand them: it asserts that it does not
 * stand still when the connection ends, and what is thrown in an event of a socket ends the process. An
 * answer of the right length that nobody read yet, and the end of its connection, were enough.
 *
 * - Before 'end', what stands still goes on: nothing waits in the socket any more.
 * - A reset is an error, and never the end of a body without a length (undici takes it for one).
 * - Before 'close' there was an 'end' or an 'error'.
 * - Whatever is thrown nevertheless fails the request, and not the process.
 */
export function guardSocket(connection: Client, socket: Socket): Socket {
  const emit = socket.emit as (this: Socket, event: string | symbol, ...args: unknown[]) => boolean;
  let over = false;

  function pass(event: string | symbol, args: unknown[]): boolean {
    if (event === 'end') {
      over = true;
      if (wasReset(socket)) {
        socket.destroy(new ConnectionBroken(resetError()));
        return true;
      }
      USERS.get(connection)?.onSocketEnd();
    } else if (event === 'error') {
      over = true;
      return emit.call(socket, event, asNoEnd(args[0]));
    } else if (event === 'close' && !over && socket.listenerCount('error') > 0) {
      over = true;
      emit.call(socket, 'error', new ConnectionBroken(undefined));
    }
    return emit.call(socket, event, ...args);
  }

  function guarded(event: string | symbol, ...args: unknown[]): boolean {
    try {
      return pass(event, args);
    } catch (error) {
      USERS.get(connection)?.onSocketFault(error);
      socket.destroy();
      return true;
    }
  }

  const destroy = socket.destroy as (this: Socket, error?: Error) => Socket;
  socket.destroy = (error) => destroy.call(socket, error && withoutStack(error));
  socket.emit = guarded as Socket['emit'];
  return socket;
}

/**
 * undici ends a connection with an error also where nothing went wrong, such as after `connection: close`, and
 * `Stream.destroy` reads its stack: writing that down costs more than all the rest of the end. It names undici's inner
 * functions only.
 */
function withoutStack(error: Error): Error {
  const { code } = error as { readonly code?: unknown };
  if (typeof code === 'string' && code.startsWith('UND_ERR')) {
    error.stack = `${error.name}: ${error.message}`;
  }
  return error;
}

/** A break that undici does not know by its code. */
class ConnectionBroken extends Error {
  readonly code = 'UND_ERR_SOCKET';

  constructor(cause: unknown) {
    super('the connection broke', { cause });
  }
}

function asNoEnd(error: unknown): unknown {
  const { code } = Object(error) as { readonly code?: unknown };
  return code === 'ECONNRESET' ? new ConnectionBroken(error) : error;
}

/**
 * Whether a TCP connection that has come to its end was reset: it has no peer any more (`getpeername` fails), where one
 * that the server has closed still has. Node.js 20 and 22 report the end of the stream for a reset that comes while bytes
 * wait to be read (libuv takes the hang-up that it comes with for one).
 *
 * The handle is not public, but `remoteAddress` remembers what it was when somebody asked for it first. A Unix socket's has
 * no such function, and that of a socket over a TLS connection gives nothing.
 */
function wasReset(socket: Socket): boolean {
  const { _handle } = socket as { _handle?: { getpeername?(found: object): unknown } | null };
  const code = _handle?.getpeername?.({});
  return typeof code === 'number' && code < 0;
}

function resetError(): Error {
  return Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
}

/** The error that a socket had, from the one that undici was given. */
export function brokenBy(error: Error): Error {
  return error instanceof ConnectionBroken && error.cause instanceof Error ? error.cause : error;
}
