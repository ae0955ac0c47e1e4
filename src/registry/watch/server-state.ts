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
  /** Set by {@link withReported}. */
  readonly reported?: Reported | undefined;
}

/** What there was an event for, and when: a server that flaps makes no event for each of its turns. */
export interface Reported {
  readonly refusals: Readonly<Record<string, number>>;
  readonly changed?: { readonly fingerprint: string; readonly at: number } | undefined;
  /** The end of what is presented without being on record, and since when it is reported. */
  readonly leaf?: { readonly ends: string; readonly at: number } | undefined;
}

/** How long a server has to be in order, or another certificate to be there, for one more event. */
const FLAPPING_MS = 600_000;

/**
 * `next` with what is to be reported of it. Each code of a refusal is reported once until the server was in
 * order, another certificate than on record once in {@link FLAPPING_MS}, and both anew when the record
 * changes; of several certificates under one authority the earliest end counts for as long: how often there
 * is an event is not for the server to say.
 */
export function withReported(old: ServerState | undefined, next: ServerState): ServerState {
  const { at, presented, recorded, refusal } = next;
  const before = old?.recorded === recorded ? old.reported : undefined;
  const kept = Object.entries(before?.refusals ?? {}).filter(
    ([, reportedAt]) => refusal !== undefined || isRecent(reportedAt, at),
  );
  const refusals = Object.fromEntries(kept);
  if (refusal !== undefined) refusals[refusal.code] ??= at;
  const changed = changeToReport(before?.changed, presented?.fingerprint, at);
  const leaf = leafToReport(before?.leaf, next.leafEnds, at);
  if (kept.length === 0 && refusal === undefined && changed === undefined && leaf === undefined) {
    const { reported: _none, ...rest } = next;
    return rest;
  }
  const leafEnds = next.leafEnds === undefined ? undefined : leaf?.ends;
  return { ...next, ...(leafEnds && { leafEnds }), reported: { refusals, changed, leaf } };
}

function leafToReport(
  before: Reported['leaf'],
  ends: string | undefined,
  at: number,
): Reported['leaf'] {
  const stays = before !== undefined && isRecent(before.at, at);
  if (ends === undefined) return stays ? before : undefined;
  if (before?.ends === ends) return before;
  return stays ? { ends: ends < before.ends ? ends : before.ends, at: before.at } : { ends, at };
}

function changeToReport(
  before: Reported['changed'],
  fingerprint: string | undefined,
  at: number,
): Reported['changed'] {
  const stays = before !== undefined && isRecent(before.at, at);
  if (fingerprint === undefined) return stays ? before : undefined;
  return stays || before?.fingerprint === fingerprint ? before : { fingerprint, at };
}

/** A time that another process's clock put into the future is not recent: it would be so for good. */
function isRecent(time: number, now: number): boolean {
  return Math.abs(now - time) < FLAPPING_MS;
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
  const [was, is] = [previous?.reported, next.reported];
  if (presented && (renewed || is?.changed?.at !== was?.changed?.at)) {
    const current = { fingerprint: recorded, notAfter: next.recordEnds };
    events.push({ type: 'changed', ...about, current, presented });
  }
  if (refusal && (renewed || is?.refusals[refusal.code] !== was?.refusals[refusal.code])) {
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
