import type { TLSSocket } from 'node:tls';

/**
 * What a server may send of an answer that is none of it: between its head and its pieces, only the sizes
 * of chunks. More than the socket's buffers hold, which count before anybody has asked for them. Node.js
 * itself takes 16 KB of extensions with a chunk, undici any number.
 */
const MAX_BARREN_BYTES = 262_144;

/**
 * Whether what arrives on a connection brings its answer on: an extension of a chunk that never ends costs
 * the client a core, and no limit of the body or of idleness is ever reached.
 */
export class BarrenBytes {
  /** Set by whoever is given a part of the answer. */
  fruitful = false;
  #counted = 0;

  /**
   * Looks whenever there is something to read.
   *
   * @param tooMany makes the error that `socket` is destroyed with
   */
  watch(socket: TLSSocket, tooMany: () => Error): void {
    this.#counted = socket.bytesRead;
    socket.on('readable', () => {
      const { bytesRead } = socket;
      if (this.fruitful) {
        this.fruitful = false;
        this.#counted = bytesRead;
      } else if (bytesRead - this.#counted > MAX_BARREN_BYTES) socket.destroy(tooMany());
    });
  }
}
