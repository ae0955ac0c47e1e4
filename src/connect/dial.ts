import { connect, isIP, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';

/** How long one address has before the next is tried as well (RFC 8305 §5). */
const STAGGER_MS = 250;

export interface DialTarget {
  readonly port: number;
  readonly localAddress?: string | undefined;
}

/**
 * The way to one of these addresses, as options of `tls.connect`.
 *
 * @param counts whether it is to be seen how many bytes have come back: by a socket of our own
 * @throws as {@link dial}
 */
export async function wayTo(
  addresses: readonly string[],
  target: DialTarget,
  signal: AbortSignal,
  counts = false,
): Promise<ConnectionOptions> {
  const [host] = addresses;
  if (addresses.length > 1 || counts) return { socket: await dial(addresses, target, signal) };
  // localAddress is not in the types of tls.connect, which hands it on to net.connect.
  return { host: host as string, ...given(target) };
}

function given({ port, localAddress }: DialTarget): DialTarget {
  return localAddress === undefined ? { port } : { port, localAddress };
}

/**
 * Connects to the first address that answers, and closes the others. Each begins 250 ms after the one before, or at
 * once where that one failed, and **stays in the race**: Node.js by itself gives an address up after that time, which
 * a server behind a VPN or with a full backlog does not meet. What bounds the race is the signal.
 *
 * @param addresses at least one
 * @throws the first failure, once all have failed; the signal's reason
 */
export function dial(
  addresses: readonly string[],
  target: DialTarget,
  signal: AbortSignal,
): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const race = new Race(alternating(addresses), target, signal, resolve, reject);
    race.begin();
  });
}

/** Invariant: an open socket is in `#running`, or was given to `#won`. */
class Race {
  readonly #waiting: string[];
  readonly #running = new Set<Socket>();
  readonly #target: DialTarget;
  readonly #signal: AbortSignal;
  readonly #won: (socket: Socket) => void;
  readonly #lost: (reason: unknown) => void;
  readonly #onAbort = (): void => this.#end(() => this.#lost(this.#signal.reason));
  #firstFailure: unknown;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    addresses: readonly string[],
    target: DialTarget,
    signal: AbortSignal,
    won: (socket: Socket) => void,
    lost: (reason: unknown) => void,
  ) {
    this.#waiting = [...addresses];
    this.#target = target;
    this.#signal = signal;
    this.#won = won;
    this.#lost = lost;
  }

  begin(): void {
    if (this.#signal.aborted) {
      this.#lost(this.#signal.reason);
      return;
    }
    this.#signal.addEventListener('abort', this.#onAbort, { once: true });
    this.#next();
  }

  #next(): void {
    clearTimeout(this.#timer);
    const host = this.#waiting.shift();
    if (host === undefined) {
      if (this.#running.size === 0) this.#end(() => this.#lost(this.#firstFailure));
      return;
    }
    if (this.#waiting.length > 0) this.#timer = setTimeout(() => this.#next(), STAGGER_MS);
    let socket: Socket;
    try {
      socket = connect({ host, ...given(this.#target) });
    } catch (error) {
      this.#firstFailure ??= error;
      this.#next();
      return;
    }
    this.#running.add(socket);
    // What still comes from one that was given up has nowhere to go.
    socket.on('error', (error) => this.#failed(socket, error));
    socket.once('connect', () => {
      if (this.#running.delete(socket)) this.#end(() => this.#won(socket));
    });
  }

  #failed(socket: Socket, error: unknown): void {
    if (!this.#running.delete(socket)) return;
    this.#firstFailure ??= error;
    this.#next();
  }

  #end(settle: () => void): void {
    clearTimeout(this.#timer);
    this.#signal.removeEventListener('abort', this.#onAbort);
    this.#waiting.length = 0;
    for (const socket of this.#running) socket.destroy();
    this.#running.clear();
    settle();
  }
}

/** One of each family in turn, from the first one's on: where a family leads nowhere, the next is of the other. */
function alternating(addresses: readonly string[]): readonly string[] {
  const family = isIP(addresses[0] ?? '');
  const same = addresses.filter((address) => isIP(address) === family);
  const other = addresses.filter((address) => isIP(address) !== family);
  return Array.from({ length: Math.max(same.length, other.length) }, (_, i) =>
    [same[i], other[i]].filter((address) => address !== undefined),
  ).flat();
}
