/**
 * What several processes did to one store, as each noted it itself: before an operation, so that one
 * that was killed in the middle is known to have begun, and after it. Times are of the machine's
 * monotonic clock, in ms, and the same in all processes, whatever their wall clocks show.
 */

/** What an operation did, in the terms in which it is judged. */
export type Effect =
  /** A value was put there. The token names the write, and is never used again. */
  | {
      readonly kind: 'write';
      readonly id: string;
      readonly token: string;
      /** Of a registry's write: what the record says, and which of it this flow meant to change. */
      readonly fields?: Fields;
      readonly sets?: readonly Field[];
      /** Demanded of what is there. */
      readonly ifRevision?: number;
    }
  | { readonly kind: 'delete'; readonly id: string }
  | { readonly kind: 'read'; readonly id: string }
  | { readonly kind: 'list' }
  /** A whole call of a registry, whose steps at the store are noted besides. */
  | { readonly kind: 'flow'; readonly id: string }
  /** Judged by its errors alone. */
  | { readonly kind: 'other' };

/** What is told apart in a record. */
export const FIELDS = ['life', 'approvedBy', 'label', 'expiresAt', 'pins', 'certificate'] as const;
export type Field = (typeof FIELDS)[number];
export type Fields = Readonly<Record<Field, string>>;

/** What came of it. */
export interface Outcome {
  /** Of a write that was acknowledged, and of what was read. 0: nothing was ever there. */
  readonly revision?: number;
  /** Of a read: the write whose value it saw; absent: there was none. */
  readonly token?: string;
  /** Of a list. */
  readonly entries?: readonly { readonly id: string; readonly revision: number }[];
  /** The code of the error that it ended with. */
  readonly error?: string;
  /** Of a conditional write: the revision that it demanded, and when that had been read. */
  readonly ifRevision?: number;
  readonly readAt?: number;
  /** Of a registry's reading. */
  readonly fields?: Fields;
  /** Of a stream: when its last byte was read; of a request: that it was answered. */
  readonly lastByteAt?: number;
  /** Of a flow: that it says to have changed the record. */
  readonly changed?: boolean;
}

export interface Operation extends Outcome {
  readonly member: string;
  readonly name: string;
  readonly effect: Effect;
  /** The flow that it was a step of, by its number in this member. */
  readonly flow?: number | undefined;
  /** Its number in this member. */
  readonly n?: number;
  readonly begun: number;
  /** Infinity: it was never heard of again. */
  readonly ended: number;
}

/** What a process writes down. */
export type Note =
  | {
      readonly n: number;
      readonly at: number;
      readonly name: string;
      readonly effect: Effect;
      readonly flow?: number | undefined;
    }
  | { readonly n: number; readonly at: number; readonly outcome: Outcome };

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Puts together what one process noted. The last line may be half written. */
export function readNotes(member: string, text: string): Operation[] {
  const operations = new Map<number, Operation>();
  for (const line of text.split('\n').slice(0, -1)) {
    const note: Note = JSON.parse(line);
    if ('effect' in note) {
      const { n, name, effect, flow, at: begun } = note;
      const ended = Number.POSITIVE_INFINITY;
      const step = flow === undefined ? {} : { flow };
      operations.set(n, { member, n, name, effect, ...step, begun, ended });
    } else {
      const begun = operations.get(note.n) as Operation;
      operations.set(note.n, { ...begun, ...note.outcome, ended: note.at });
    }
  }
  return [...operations.values()];
}
