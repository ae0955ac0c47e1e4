import type { TLSSocket } from 'node:tls';

/**
 * What a server may send of an answer that is none of it: between its head and its pieces, only the sizes
 * of chunks. More than the socket's buffers hold, which count before anybody has asked for them. Node.js
 * itself takes 16 KB of extensions with a chunk, undici any number.
 */
const MAX_BARREN_BYTES = 262_144;
/** What comes with a byte of the answer at most, by and by: a chunk and a TLS record of its own are half of it. */
const BYTES_PER_BYTE = 64;

/**
 * Whether what arrives on a connection brings its answer on: an extension of a chunk that never ends costs
 * the client a core, and no limit of the body or of idleness is ever reached. So does one of 16 KB with each byte.
 *
 * An account: what arrives is taken from it, what it brings of the answer fills it again, and it never holds more
 * than {@link MAX_BARREN_BYTES}.
 */
export class BarrenBytes {
  #left = MAX_BARREN_BYTES;
  #counted = 0;

  /** The head of an answer is here. */
  begin(): void {
    this.#left = MAX_BARREN_BYTES;
  }

  /** So many bytes of the body are here. */
  add(bytes: number): void {
    this.#left = Math.min(MAX_BARREN_BYTES, this.#left + bytes * BYTES_PER_BYTE);
  }

  /**
   * Looks whenever there is something to read.
   *
   * @param tooMany makes the error that `socket` is destroyed with
   */
  watch(socket: TLSSocket, tooMany: () => Error): void {
    this.#counted = socket.bytesRead;
    socket.on('readable', () => {
      const { bytesRead } = socket;
      this.#left -= bytesRead - this.#counted;
      this.#counted = bytesRead;
      if (this.#left < 0) socket.destroy(tooMany());
    });
  }
}
