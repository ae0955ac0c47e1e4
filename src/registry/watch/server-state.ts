import type { ErrorCode } from '../../errors.js';
import { daysUntil } from '../registered-server.js';
import type { RegistryEvent, WatchedCertificate } from './events.js';

/** What is known of a server at one moment. Plain data, kept in the store's notes. */
export interface ServerState {
  /** When it was found, milliseconds since 1970. */
  readonly at: number;
  /** Fingerprint of the certificate on record, or {@link UNREADABLE}. */
  readonly recorded: string;
  /** ISO 8601: ends of that certificate and of the approval. */
  readonly recordEnds: string;
  /** ISO 8601: end of a certificate that is accepted without being the one on record. */
  readonly leafEnds?: string | undefined;
  /** What the server presents, where that is neither on record nor accepted. */
  readonly presented?: WatchedCertificate | undefined;
  readonly refusal?: { readonly code: ErrorCode; readonly message: string } | undefined;
}

/** A server before and after. `undefined`: not known, or not registered. */
export interface Transition {
  readonly id: string;
  readonly previous: ServerState | undefined;
  readonly next: ServerState | undefined;
  /** Whether this process found it. */
  readonly first: boolean;
}

/**
 * What is to be told of a transition. Pure, so that every process tells the same.
 *
 * @param expiringDays descending
 */
export function eventsOf(
  { id, previous, next, first }: Transition,
  expiringDays: readonly number[],
): readonly RegistryEvent[] {
  if (next === undefined) {
    return previous === undefined ? [] : [{ type: 'revoked', id, at: new Date(), first }];
  }
  const events: RegistryEvent[] = [];
  const about = { id, at: new Date(next.at), first };
  const { recorded, presented, refusal } = next;
  const validUntil = endOf(next);
  const previousFingerprint = previous?.recorded ?? UNREADABLE;
  const renewed = previousFingerprint !== UNREADABLE && previousFingerprint !== recorded;
  if (renewed) {
    const fingerprint = recorded;
    events.push({ type: 'renewed', ...about, fingerprint, previousFingerprint, validUntil });
  }
  const stage = stageOf(next, expiringDays);
  // Another end is another countdown.
  const before = previous && endOf(previous) === validUntil ? previous : undefined;
  if (stage < (before === undefined ? NEVER : stageOf(before, expiringDays))) {
    const daysLeft = daysUntil(new Date(validUntil), about.at);
    const type = stage === OVER ? 'expired' : 'expiring';
    events.push({ type, ...about, daysLeft, validUntil, fingerprint: recorded });
  }
  if (presented && (renewed || presented.fingerprint !== previous?.presented?.fingerprint)) {
    const current = { fingerprint: recorded, notAfter: next.recordEnds };
    events.push({ type: 'changed', ...about, current, presented });
  }
  if (refusal && (renewed || refusal.code !== previous?.refusal?.code)) {
    events.push({ type: 'refused', ...about, ...refusal });
  }
  return events;
}

/** In the place of a fingerprint, where the record could not be read. */
export const UNREADABLE = '';

/** In the place of a fingerprint, where the default roots are trusted and no certificate is on record. */
export const ROOTS = 'default roots';

/** In the place of the end of a record that has none. */
export const NEVER_ENDS = '9999-12-31T23:59:59.999Z';

const OVER = -1;
const NEVER = Number.POSITIVE_INFINITY;

/** How far the countdown is: the smallest of `expiringDays` that has been reached. */
function stageOf(state: ServerState, expiringDays: readonly number[]): number {
  const left = (Date.parse(endOf(state)) - state.at) / 86_400_000;
  if (left <= 0) return OVER;
  return expiringDays.filter((days) => left <= days).at(-1) ?? NEVER;
}

function endOf({ recordEnds, leafEnds }: ServerState): string {
  return leafEnds !== undefined && leafEnds < recordEnds ? leafEnds : recordEnds;
}
