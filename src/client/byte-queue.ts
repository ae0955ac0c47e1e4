import { Buffer } from 'node:buffer';

/** Pieces that wait are kept apart up to this many: an event of a stream is a piece of its own. */
const MAX_APART = 64;
/** What the further ones are joined in. */
const BLOCK_BYTES = 16_384;
/** So many places of pieces that were taken are given up at once. */
const COMPACT_AT = 256;

/**
 * Bytes that wait for their reader.
 *
 * - `held` is what the queue keeps alive, not what it shows: a piece is a view of the socket's buffer,
 *   and one byte may hold 64 KB.
 * - A piece that shows less than half of its buffer is copied, so that `held` is never more than about
 *   twice `length`.
 * - Whatever comes beyond {@link MAX_APART} pieces is joined, so that a server that sends bytes one by
 *   one costs by the byte.
 * - Every operation takes time by the bytes of its piece alone.
 */
export class ByteQueue {
  #pieces: Uint8Array[] = [];
  /** The first that has not been taken. */
  #head = 0;
  /** The last piece while it is a block with room in it, and how much of it is full. */
  #block: Uint8Array | undefined;
  #filled = 0;
  #held = 0;
  #length = 0;

  /** Bytes of memory that wait. */
  get held(): number {
    return this.#held;
  }

  /** Bytes of body that wait. */
  get length(): number {
    return this.#length;
  }

  /** The piece that waits, if it is the only one. */
  get only(): Uint8Array | undefined {
    if (this.#pieces.length - this.#head !== 1) return undefined;
    this.#sealBlock();
    return this.#pieces[this.#head];
  }

  push(piece: Uint8Array): void {
    this.#length += piece.length;
    const waiting = this.#pieces.length - this.#head;
    if (waiting < MAX_APART || piece.length >= BLOCK_BYTES / 2) {
      this.#sealBlock();
      this.#append(isMostOfItsBuffer(piece) ? piece : new Uint8Array(piece));
    } else this.#join(piece);
  }

  /** The next piece, or `undefined`. */
  shift(): Uint8Array | undefined {
    if (this.#head === this.#pieces.length) return undefined;
    if (this.#head === this.#pieces.length - 1) this.#sealBlock();
    const piece = this.#pieces[this.#head] as Uint8Array;
    this.#pieces[this.#head++] = NOTHING;
    if (this.#head === this.#pieces.length) {
      this.#pieces.length = 0;
      this.#head = 0;
    } else if (this.#head === COMPACT_AT) {
      this.#pieces = this.#pieces.slice(this.#head);
      this.#head = 0;
    }
    this.#held -= piece.buffer.byteLength;
    this.#length -= piece.length;
    return piece;
  }

  /** All of it in one piece. */
  takeAll(): Uint8Array {
    this.#sealBlock();
    const rest = this.#head === 0 ? this.#pieces : this.#pieces.slice(this.#head);
    this.clear();
    const [only] = rest;
    return rest.length === 1 && only !== undefined ? only : Buffer.concat(rest);
  }

  clear(): void {
    this.#pieces = [];
    this.#block = undefined;
    this.#head = this.#held = this.#length = 0;
  }

  #append(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#held += piece.buffer.byteLength;
  }

  #join(piece: Uint8Array): void {
    if (this.#block === undefined || this.#filled + piece.length > BLOCK_BYTES) {
      this.#sealBlock();
      // Not of Buffer's pool, whose memory others hold too.
      this.#block = new Uint8Array(BLOCK_BYTES);
      this.#filled = 0;
      this.#append(this.#block);
    }
    this.#block.set(piece, this.#filled);
    this.#filled += piece.length;
  }

  /** Makes the block a piece like any other: as long as it is full. */
  #sealBlock(): void {
    if (this.#block === undefined) return;
    this.#pieces[this.#pieces.length - 1] = this.#block.subarray(0, this.#filled);
    this.#block = undefined;
  }
}

const NOTHING = new Uint8Array(0);

function isMostOfItsBuffer(piece: Uint8Array): boolean {
  return piece.length * 2 >= piece.buffer.byteLength;
}
