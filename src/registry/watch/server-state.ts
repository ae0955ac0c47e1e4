import type { ErrorCode } from '../../errors.js';
import { daysUntil } from '../shown-client-certificate.js';
import { OVER, stageOf, type Threshold } from './countdown.js';
import type { EndingEvent, RegistryEvent, WatchedCertificate } from './events.js';

/** What is known of a server at one moment. Plain data, kept in the store's notes. */
export interface ServerState {
  /** When it was found, milliseconds since 1970. */
  readonly at: number;
  /** Fingerprint of the certificate on record, {@link ROOTS}, {@link fileRecorded} or {@link UNREADABLE}. */
  readonly recorded: string;
  /** End of that certificate, or {@link NEVER_ENDS}. ISO 8601, as all moments here. */
  readonly recordEnds: string;
  /** Since when it is valid. Not in what older versions found, as all that begins. */
  readonly recordBegins?: string | undefined;
  /** End of the approval. */
  readonly approvalEnds?: string | undefined;
  readonly approvalBegins?: string | undefined;
  /** The client certificate on record. */
  readonly client?: PlainCertificate | undefined;
  /** End of a certificate that is accepted without being the one on record. */
  readonly leafEnds?: string | undefined;
  readonly leafBegins?: string | undefined;
  /** What the server presents, where that is neither on record nor accepted. */
  readonly presented?: PlainCertificate | undefined;
  readonly refusal?: { readonly code: ErrorCode; readonly message: string } | undefined;
  /** Set by {@link withReported}. */
  readonly reported?: Reported | undefined;
}

export interface PlainCertificate {
  readonly fingerprint: string;
  readonly notBefore?: string | undefined;
  readonly notAfter: string;
}

/** Whether the records that two states are of say the same, as far as it is watched. */
export function isSameRecord(a: ServerState | null | undefined, b: ServerState | null): boolean {
  return (
    a?.recorded === b?.recorded &&
    a?.recordEnds === b?.recordEnds &&
    a?.approvalEnds === b?.approvalEnds &&
    a?.client?.fingerprint === b?.client?.fingerprint
  );
}

/** What there was an event for, and when: a server that flaps makes no event for each of its turns. */
export interface Reported {
  readonly refusals: Readonly<Record<string, number>>;
  readonly changed?: { readonly fingerprint: string; readonly at: number } | undefined;
  /** The end of what is presented without being on record, and since when it is reported. */
  readonly leaf?:
    | { readonly ends: string; readonly begins?: string | undefined; readonly at: number }
    | undefined;
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
  const leaf = leafToReport(before?.leaf, next, at);
  if (kept.length === 0 && refusal === undefined && changed === undefined && leaf === undefined) {
    const { reported: _none, ...rest } = next;
    return rest;
  }
  const earliest =
    next.leafEnds === undefined || leaf === undefined
      ? {}
      : { leafEnds: leaf.ends, leafBegins: leaf.begins };
  return { ...next, ...earliest, reported: { refusals, changed, leaf } };
}

function leafToReport(
  before: Reported['leaf'],
  { leafEnds: ends, leafBegins: begins }: ServerState,
  at: number,
): Reported['leaf'] {
  const stays = before !== undefined && isRecent(before.at, at);
  if (ends === undefined) return stays ? before : undefined;
  if (before?.ends === ends) return before;
  if (!stays) return { ends, begins, at };
  return ends < before.ends ? { ends, begins, at: before.at } : before;
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
 * What is to be reported of a transition. Pure, so that every process reports the same.
 *
 * @param expiringDays in any order
 */
export function eventsOf(
  { id, previous, next, first }: Transition,
  expiringDays: readonly Threshold[],
): readonly RegistryEvent[] {
  if (next === undefined) {
    return previous === undefined ? [] : [{ type: 'revoked', id, at: new Date(), first }];
  }
  const events: RegistryEvent[] = [];
  const about = { id, at: new Date(next.at), first };
  const { recorded, recordEnds, presented, refusal } = next;
  const previousFingerprint = previous?.recorded ?? UNREADABLE;
  const renewed = previousFingerprint !== UNREADABLE && previousFingerprint !== recorded;
  if (renewed) {
    events.push({
      type: 'renewed',
      ...about,
      fingerprint: fingerprintOf(recorded),
      previousFingerprint: fingerprintOf(previousFingerprint),
      validUntil: recordEnds === NEVER_ENDS ? undefined : new Date(recordEnds),
    });
  }
  const before = previous && endingsOf(previous);
  for (const ending of endingsOf(next)) {
    const { what, ends, fingerprint } = ending;
    const stage = stageOf(ending, next.at, expiringDays);
    // Another end is another countdown.
    const isSame = before?.some((one) => one.what === what && one.ends === ends) ?? false;
    const reached = isSame
      ? stageOf(ending, (previous as ServerState).at, expiringDays)
      : Number.POSITIVE_INFINITY;
    if (stage >= reached) continue;
    const validUntil = new Date(ends);
    const daysLeft = daysUntil(validUntil, about.at);
    const type = stage === OVER ? 'expired' : 'expiring';
    events.push({ type, ...about, what, daysLeft, validUntil, fingerprint });
  }
  const [was, is] = [previous?.reported, next.reported];
  if (presented && (renewed || is?.changed?.at !== was?.changed?.at)) {
    const current = watched({ fingerprint: recorded, notAfter: recordEnds });
    events.push({ type: 'changed', ...about, current, presented: watched(presented) });
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

/** In the place of a fingerprint, where the record names files that hold whom to trust. */
export function fileRecorded(files: readonly { readonly file: string }[]): string {
  return `${IN_FILES}${JSON.stringify(files.map(({ file }) => file))}`;
}

const IN_FILES = 'files ';

/** In the place of the end of a record that has none. */
export const NEVER_ENDS = '9999-12-31T23:59:59.999Z';

interface Ending extends Pick<EndingEvent, 'what' | 'fingerprint'> {
  readonly ends: string;
  readonly begins: string | undefined;
}

function endingsOf(state: ServerState): readonly Ending[] {
  const { recorded, recordEnds, recordBegins, leafEnds, leafBegins } = state;
  const { approvalEnds, approvalBegins, client } = state;
  const fingerprint = fingerprintOf(recorded);
  const [ends, begins] =
    leafEnds !== undefined && leafEnds < recordEnds
      ? [leafEnds, leafBegins]
      : [recordEnds, recordBegins];
  const endings: Ending[] = [{ what: 'certificate', ends, begins, fingerprint }];
  if (approvalEnds !== undefined) {
    endings.push({ what: 'approval', ends: approvalEnds, begins: approvalBegins, fingerprint });
  }
  if (client !== undefined) {
    const { fingerprint, notBefore, notAfter } = client;
    endings.push({ what: 'client certificate', ends: notAfter, begins: notBefore, fingerprint });
  }
  return endings;
}

function fingerprintOf(recorded: string): string | undefined {
  const hasNone = recorded === ROOTS || recorded === UNREADABLE || recorded.startsWith(IN_FILES);
  return hasNone ? undefined : recorded;
}

function watched({ fingerprint, notAfter }: PlainCertificate): WatchedCertificate {
  return { fingerprint, notAfter: new Date(notAfter) };
}
