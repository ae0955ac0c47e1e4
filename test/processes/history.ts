/**
 * What several processes did to one store, as each noted it itself: before an operation, so that one
 * that was killed in the middle is known to have begun, and after it. Times are of the machine's
 * monotonic clock, in ms, and the same in all processes, whatever their wall clocks show.
 */

/** What an operation did, in the terms in which it is judged. */
export type Effect =
  /** A value was put there. The token names the write, and is never used again. */
  | { readonly kind: 'write'; readonly id: string; readonly token: string }
  | { readonly kind: 'delete'; readonly id: string }
  | { readonly kind: 'read'; readonly id: string }
  | { readonly kind: 'list' }
  /** Judged by its errors alone. */
  | { readonly kind: 'other' };

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
}

export interface Operation extends Outcome {
  readonly member: string;
  readonly name: string;
  readonly effect: Effect;
  readonly begun: number;
  /** Infinity: it was never heard of again. */
  readonly ended: number;
}

/** What a process writes down. */
export type Note =
  | { readonly n: number; readonly at: number; readonly name: string; readonly effect: Effect }
  | { readonly n: number; readonly at: number; readonly outcome: Outcome };

export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Puts together what one process noted. The last line may be half written. */
export function readNotes(member: string, text: string): Operation[] {
  const operations = new Map<number, Operation>();
  for (const line of text.split('\n').slice(0, -1)) {
    const note: Note = JSON.parse(line);
    if ('effect' in note) {
      const { name, effect, at: begun } = note;
      operations.set(note.n, { member, name, effect, begun, ended: Number.POSITIVE_INFINITY });
    } else {
      const begun = operations.get(note.n) as Operation;
      operations.set(note.n, { ...begun, ...note.outcome, ended: note.at });
    }
  }
  return [...operations.values()];
}
