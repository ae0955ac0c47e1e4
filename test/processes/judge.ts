import type { Operation } from './history.js';

/** What must not be found in a history. */
export interface Violation {
  readonly kind: string;
  readonly text: string;
}

export interface Verdict {
  readonly violations: readonly Violation[];
  /** How long after a change was acknowledged something older was still given out, in ms. */
  readonly latest: number;
}

/** These say that the store was harmed, and nobody has harmed it. */
const ALARMS = /EMPTIED|VANISHED|ROLLED_BACK|TAMPERED|UNKNOWN_KEY|INVALID_RECORD|EVICTING/;
/** With these, nothing was changed. */
const NOT_DONE = /CONFLICT|REFUSED|UNAVAILABLE|TIMEOUT|CLOSED|NOT_REGISTERED|ALREADY_REGISTERED/;

export const acknowledged = (one: Operation): boolean =>
  one.error === undefined && one.ended !== Number.POSITIVE_INFINITY;
/** Acknowledged, or not known not to have happened. */
export const mayHaveBeenDone = (one: Operation): boolean =>
  one.error === undefined || !NOT_DONE.test(one.error);

/**
 * Judges what several processes did to one store.
 *
 * @param lateMs for how long after a change others may give out what was there before it: the time to
 *   live of their caches
 */
export function judge(operations: readonly Operation[], lateMs: number): Verdict {
  const violations: Violation[] = [];
  let latest = 0;
  const broken = (kind: string, text: string): void => void violations.push({ kind, text });

  for (const one of operations) {
    if (one.error !== undefined && ALARMS.test(one.error)) {
      broken('FALSE ALARM', `${describe(one)}: ${one.error}`);
    } else if (one.error !== undefined && !/^MCP_TLS_/.test(one.error)) {
      broken('FOREIGN ERROR', `${describe(one)}: ${one.error}`);
    }
  }
  for (const id of idsOf(operations)) {
    const record = new RecordHistory(id, operations);
    for (const read of record.reads) judgeRead(record, read);
    for (const write of record.writes) judgeWrite(record, write);
    judgeOrder(record);
  }
  return { violations, latest };

  function judgeRead(record: RecordHistory, read: Read): void {
    const late = record.latenessOf(read);
    if (late !== undefined) {
      latest = Math.max(latest, late.ms);
      if (late.ms > (late.isOwn || read.by.name === 'read' ? 0 : lateMs)) {
        broken(late.kind, `${describe(read.by)} ${late.text}, ${late.ms.toFixed(0)} ms late`);
      }
    }
    const source = read.token === undefined ? undefined : record.writeOf(read.token);
    if (read.token !== undefined && source === undefined) {
      broken('READ OF WHAT NOBODY WROTE', describe(read.by));
    } else if (source !== undefined && read.ended < source.begun) {
      broken('READ BEFORE IT WAS WRITTEN', describe(read.by));
    } else if (source !== undefined && !mayHaveBeenDone(source)) {
      broken('READ OF A WRITE THAT WAS REFUSED', `${describe(read.by)}: ${source.error}`);
    }
  }

  function judgeWrite(record: RecordHistory, write: Operation): void {
    if (!acknowledged(write) || write.ifRevision === undefined) return;
    const { ifRevision, revision = 0, readAt = write.begun } = write;
    for (const other of record.changes) {
      if (other === write || !acknowledged(other)) continue;
      if (other.effect.kind === 'delete') {
        // Acknowledged between the reading and the writing.
        const between = other.begun > readAt && other.ended < write.begun;
        if (between) broken('REVOCATION UNDONE', `${describe(write)} after ${describe(other)}`);
      } else if ((other.revision ?? 0) > ifRevision && (other.revision ?? 0) < revision) {
        broken('CHANGE LOST', `${describe(write)} over ${describe(other)}`);
      }
    }
  }

  /** Revisions are used once, and no process sees them run backwards. */
  function judgeOrder(record: RecordHistory): void {
    const numbers = new Map<number, Operation>();
    for (const write of record.writes.filter(acknowledged)) {
      const same = numbers.get(write.revision ?? 0);
      if (same !== undefined) {
        broken('ONE REVISION TWICE', `${describe(write)} and ${describe(same)}`);
      }
      numbers.set(write.revision ?? 0, write);
    }
    const seen = new Map<string, Read[]>();
    for (const read of record.reads) {
      if (read.revision === undefined) continue;
      const before = seen.get(read.by.member) ?? [];
      const newer = before.find(
        (one) => one.ended < read.begun && (one.revision ?? 0) > (read.revision ?? 0),
      );
      if (newer !== undefined) {
        broken('OLDER AFTER NEWER', `${describe(read.by)} after ${describe(newer.by)}`);
      }
      // The newest are enough, and keep this linear.
      const kept = [...before, read].sort((a, b) => (b.revision ?? 0) - (a.revision ?? 0));
      seen.set(read.by.member, kept.slice(0, 4));
    }
  }
}

/** What an operation showed of one record. */
interface Read {
  readonly by: Operation;
  readonly begun: number;
  readonly ended: number;
  readonly present: boolean;
  /** `undefined` for a list, which shows revisions only. */
  readonly token: string | undefined;
  readonly revision: number | undefined;
}

/** That something was shown which was over. */
interface Late {
  readonly kind: string;
  readonly ms: number;
  readonly text: string;
  /** Whether the process that shows it had ended it itself. */
  readonly isOwn: boolean;
}

/** One record's changes and readings, by time. */
class RecordHistory {
  readonly writes: readonly Operation[];
  readonly deletes: readonly Operation[];
  readonly changes: readonly Operation[];
  readonly reads: readonly Read[];
  readonly #byToken = new Map<string, Operation>();

  constructor(id: string, operations: readonly Operation[]) {
    const of = (kind: string) =>
      operations.filter(({ effect }) => effect.kind === kind && 'id' in effect && effect.id === id);
    this.writes = of('write');
    this.deletes = of('delete');
    this.changes = [...this.writes, ...this.deletes];
    for (const write of this.writes) {
      if (write.effect.kind === 'write') this.#byToken.set(write.effect.token, write);
    }
    const reads = of('read').filter(acknowledged).map(toRead);
    const lists = operations.filter((one) => one.effect.kind === 'list' && acknowledged(one));
    this.reads = [...reads, ...lists.map((list) => toListed(list, id))].sort(
      (a, b) => a.begun - b.begun,
    );
  }

  writeOf(token: string): Operation | undefined {
    return this.#byToken.get(token);
  }

  /** The longest time for which what a reading showed had been over when it began. */
  latenessOf(read: Read): Late | undefined {
    return read.present ? this.#latenessOfValue(read) : this.#latenessOfAbsence(read);
  }

  #latenessOfValue(read: Read): Late | undefined {
    const source = read.token === undefined ? undefined : this.#byToken.get(read.token);
    let found: Late | undefined;
    for (const change of this.changes) {
      const ms = read.begun - change.ended;
      if (!acknowledged(change) || ms <= (found?.ms ?? 0)) continue;
      if (!this.#isOver(read, source, change)) continue;
      const kind = change.effect.kind === 'delete' ? 'REVOKED AND GIVEN OUT' : 'OLD VALUE';
      const isOwn = change.member === read.by.member;
      found = { kind, ms, text: `after ${describe(change)}`, isOwn };
    }
    return found;
  }

  /** Whether `change` came after what the reading showed. */
  #isOver(read: Read, source: Operation | undefined, change: Operation): boolean {
    if (change === source) return false;
    const byRevision = change.effect.kind === 'write' && read.revision !== undefined;
    if (byRevision) return (change.revision ?? 0) > (read.revision as number);
    if (source !== undefined) return source.ended < change.begun;
    // A list: unless something may have been written after the deletion.
    return !this.writes.some(
      (write) => mayHaveBeenDone(write) && write.ended > change.begun && write.begun < read.ended,
    );
  }

  #latenessOfAbsence(read: Read): Late | undefined {
    let found: Late | undefined;
    for (const write of this.writes) {
      const ms = read.begun - write.ended;
      if (!acknowledged(write) || ms <= (found?.ms ?? 0)) continue;
      const removed = this.deletes.some(
        (one) => mayHaveBeenDone(one) && one.ended > write.begun && one.begun < read.ended,
      );
      if (removed) continue;
      const isOwn = write.member === read.by.member;
      found = { kind: 'FALSE MISS', ms, text: `after ${describe(write)}`, isOwn };
    }
    return found;
  }
}

function toRead(by: Operation): Read {
  const { begun, ended, token, revision } = by;
  return { by, begun, ended, present: token !== undefined, token, revision };
}

function toListed(by: Operation, id: string): Read {
  const { begun, ended } = by;
  const revision = by.entries?.find((entry) => entry.id === id)?.revision;
  return { by, begun, ended, present: revision !== undefined, token: undefined, revision };
}

function idsOf(operations: readonly Operation[]): Set<string> {
  return new Set(operations.flatMap(({ effect }) => ('id' in effect ? [effect.id] : [])));
}

export function describe({
  member,
  name,
  effect,
  begun,
  ended,
  revision,
  token,
}: Operation): string {
  const id = 'id' in effect ? ` ${effect.id}` : '';
  const value = effect.kind === 'write' ? ` ${effect.token}` : token ? ` -> ${token}` : '';
  const number = revision === undefined ? '' : ` (${revision})`;
  return `${name}${id}${value}${number} by ${member} at ${begun.toFixed(0)} to ${ended.toFixed(0)}`;
}
