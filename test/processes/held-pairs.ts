import type { HeldFlow } from './tasks-held.js';

const HELD_FLOWS: readonly HeldFlow[] = [
  'register',
  'replace',
  'renew',
  'approve',
  'update label',
  'update pins',
  'expire',
  'revoke',
  'scan',
  'rewrap',
  'list',
  'request',
  'stream',
];

/** Each with each, in either order. */
export const ALL_PAIRS: readonly (readonly [HeldFlow, HeldFlow])[] = HELD_FLOWS.flatMap((f) =>
  HELD_FLOWS.map((g) => [f, g] as const),
);

/** After these, what is open has to end. A change of pins is tried with the server's present key, which stays. */
const WITHDRAWING: ReadonlySet<HeldFlow> = new Set(['revoke', 'expire']);
const OPEN: ReadonlySet<HeldFlow> = new Set(['request', 'stream']);
/** These meet a server whose certificate has the key on record; the others may meet another key. */
const OTHER_KEY: ReadonlySet<HeldFlow> = new Set([
  ...(['register', 'replace', 'approve', 'update label', 'expire', 'revoke'] as const),
  ...(['rewrap', 'list'] as const),
]);

/** Whether something open has to end in the course of the two. */
export const withdraws = (f: HeldFlow, g: HeldFlow): boolean =>
  [f, g].some((one) => WITHDRAWING.has(one)) && [f, g].some((one) => OPEN.has(one));

/** Whether the server shows another key than the one on record. */
export const meetsOtherKey = (f: HeldFlow, g: HeldFlow): boolean =>
  [f, g].includes('approve') && OTHER_KEY.has(f) && OTHER_KEY.has(g);
