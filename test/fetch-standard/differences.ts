import type { Outcome } from './run-cell.js';

/** A way in which this fetch differs from undici's on purpose. docs/fetch.md has the same list. */
export interface Difference {
  /** As it stands in the documentation. */
  readonly what: string;
  /** Cells of this name may differ so. */
  readonly cells: RegExp;
  /** Whether they did, and in no other way. */
  readonly holds: (ours: Outcome, control: Outcome) => boolean;
}

const refused = (ours: Outcome): boolean => ours.rejects === 'TypeError';
const answered = ({ response }: Outcome): boolean => response !== undefined;

export const DIFFERENCES: readonly Difference[] = [
  {
    what: 'A redirect that turns another method into GET is refused',
    cells: /^30[123] of /,
    holds: (ours, control) => refused(ours) && answered(control),
  },
  {
    what: 'A redirect with several `Location` lines is refused',
    cells: /^redirect to-two$/,
    holds: (ours, control) => refused(ours) && answered(control),
  },
  {
    what: '`data:` URLs are refused',
    cells: /^input a data URL$/,
    holds: (ours, control) => refused(ours) && answered(control),
  },
  {
    what: '`integrity` is refused',
    cells: /^init integrity: (right|wrong)/,
    holds: (ours, control) => refused(ours) && ours.seen.length === 0 && !answered(control),
  },
  {
    what: 'A Blob, file, form or stream of another library or realm is sent as what it is',
    cells: /body a Blob of another library$/,
    holds: (ours, control) =>
      ours.seen[0]?.body === 'foreign' && control.seen[0]?.body === '[object Blob]',
  },
  {
    what: 'A stream of strings is refused as a body',
    cells: /body a stream of strings$/,
    holds: (ours, control) => refused(ours) && answered(control),
  },
  {
    what: 'What throws when it is read (a field of `init`, an iterable) rejects with a TypeError around its error',
    cells: /body an iterable (that throws|whose iterator cannot be had)$|: throws when it is read/,
    holds: (ours, control) => refused(ours) && /^(Range)?Error$/.test(`${control.rejects}`),
  },
];
