import { FIELDS, type Field, type Operation } from './history.js';
import { acknowledged, describe, mayHaveBeenDone, type Violation } from './judge.js';
import type { Use } from './servers.js';

/** What a registry's history is judged by, besides its operations. */
export interface RegistryFacts {
  /** Requests and streams, by the certificate that they rested on. */
  readonly uses: readonly Use[];
  /** For how long what was withdrawn elsewhere may still be used. */
  readonly requestLateMs: number;
  readonly streamLateMs: number;
  /** The pin of a certificate's key. */
  readonly pinOf: ReadonlyMap<string, string>;
  /** When a process stood still: a stopped one sees nothing. */
  stoppedFor(member: string, from: number, to: number): number;
  /** The monotonic time at which an end of an approval is there, by the clock of whoever set it. */
  endOf(expiresAt: string, setBy: string): number;
  /** How much later than that clock a process's own shows it. */
  behind(member: string, setBy: string): number;
}

/** How late this machine may be, with several processes on few processors. */
export const MARGIN_MS = 1_000;

/**
 * Judges what registries in several processes did, by what they wrote and read at their store, and by
 * what their servers were sent:
 *
 * - of each record, every revision says what the changes up to it say, each of the fields that it was
 *   meant to change, and no other;
 * - a record that comes after a withdrawal was registered after it;
 * - a registration that replaces nothing is not written over a record;
 * - what a flow said to have changed was written;
 * - nothing goes over a connection whose trust was withdrawn, for longer than it may.
 */
export function judgeRegistry(
  operations: readonly Operation[],
  facts: RegistryFacts,
): readonly Violation[] {
  const violations: Violation[] = [];
  const broken = (kind: string, text: string): void => void violations.push({ kind, text });
  const byId = new Map<string, Operation[]>();
  for (const one of operations) {
    if (!('id' in one.effect)) continue;
    const { id } = one.effect;
    const there = byId.get(id);
    if (there === undefined) byId.set(id, [one]);
    else there.push(one);
  }
  const usesOf = groupById(facts.uses);
  for (const [id, of] of byId) {
    const record = new Changes(of);
    for (const one of of) {
      judgeFields(record, one);
      judgeLife(record, one);
      judgeRegistration(record, one);
      judgeFlow(record, one);
    }
    for (const use of usesOf.get(id) ?? []) judgeUse(record, use);
  }
  return violations;

  function judgeFields(record: Changes, one: Operation): void {
    const revision = one.revision;
    const shown = one.effect.kind === 'write' ? one.effect.fields : one.fields;
    if (!acknowledged(one) || revision === undefined || shown === undefined) return;
    for (const field of FIELDS) {
      const last = record.lastChange(field, revision);
      if (last === undefined || fieldOf(last, field) === shown[field]) continue;
      const isUnsure = record.unsure.some((other) => fieldOf(other, field) === shown[field]);
      if (isUnsure) continue;
      broken(
        'CHANGE LOST',
        `${field} of ${describe(one)} is ${shown[field]}, not ${fieldOf(last, field)} of ${describe(last)}`,
      );
    }
  }

  function judgeLife(record: Changes, one: Operation): void {
    const { effect } = one;
    const life = effect.kind === 'write' ? effect.fields?.life : one.fields?.life;
    if (!acknowledged(one) || !life) return;
    const registered = record.writes.find(
      ({ effect }) => effect.kind === 'write' && effect.token === life,
    );
    if (registered === undefined) {
      broken('A LIFE THAT NOBODY BEGAN', describe(one));
      return;
    }
    const looked = registered.readAt ?? record.flowOf(registered)?.begun ?? registered.begun;
    // A reading may be of a cache; that is judged elsewhere.
    const since = effect.kind === 'write' ? one.begun : one.begun - facts.requestLateMs;
    const withdrawn = record.deletes.find((other) => other.begun > looked && other.ended < since);
    if (withdrawn === undefined || !acknowledged(withdrawn)) return;
    broken('REVOCATION UNDONE', `${describe(one)}, life ${life}, after ${describe(withdrawn)}`);
  }

  function judgeRegistration(record: Changes, one: Operation): void {
    if (one.name !== 'register: set' || !acknowledged(one)) return;
    const before = record.numbered
      .filter(({ revision = 0 }) => revision < (one.revision ?? 0))
      .at(-1);
    if (before === undefined) return;
    const isGone = record.deletes.some(
      (other) => mayHaveBeenDone(other) && other.ended > before.begun && other.begun < one.ended,
    );
    if (!isGone) broken('REGISTERED OVER A RECORD', `${describe(one)} over ${describe(before)}`);
  }

  function judgeFlow(record: Changes, one: Operation): void {
    if (one.effect.kind !== 'flow' || !acknowledged(one)) return;
    const steps = record.stepsOf(one).filter(acknowledged);
    const kind = one.name === 'revoke' ? 'delete' : one.changed === true ? 'write' : undefined;
    if (kind === undefined || steps.some(({ effect }) => effect.kind === kind)) return;
    broken('ACKNOWLEDGED AND NOT DONE', describe(one));
  }

  /** Some state of the record vouched for the connection, late enough. */
  function judgeUse(record: Changes, use: Use): void {
    const allowed = use.what === 'stream' ? facts.streamLateMs : facts.requestLateMs;
    let least = Number.POSITIVE_INFINITY;
    let reason = 'nobody ever trusted it';
    for (const write of record.writes) {
      if (!mayHaveBeenDone(write) || !covers(write, use) || write.begun > use.at) continue;
      const over = overAt(record, write, use, allowed);
      if (over === undefined) return;
      if (over.ms < least) [least, reason] = [over.ms, over.text];
    }
    broken(
      'BYTES OVER WITHDRAWN TRUST',
      `${use.what} by ${use.member} at ${use.at.toFixed(0)} (${use.id}), ${least.toFixed(0)} ms late: ${reason}`,
    );
  }

  /** What ended a write too long before a use; `undefined`: nothing did. */
  function overAt(
    record: Changes,
    write: Operation,
    use: Use,
    allowed: number,
  ): { ms: number; text: string } | undefined {
    for (const change of record.changes) {
      if (change === write || !acknowledged(change) || !record.isAfter(change, write)) continue;
      const own = change.member === use.member ? 0 : allowed;
      const ms = use.at - change.ended - facts.stoppedFor(use.member, change.ended, use.at);
      if (ms > own + MARGIN_MS) return { ms, text: describe(change) };
    }
    const end = record.endOf(write, facts);
    if (end === undefined) return undefined;
    const ends = end.at + facts.behind(use.member, end.setBy);
    const ms = use.at - ends - facts.stoppedFor(use.member, ends, use.at);
    return ms > allowed + MARGIN_MS ? { ms, text: `the end of ${describe(write)}` } : undefined;
  }

  function covers({ effect }: Operation, { certificate }: Use): boolean {
    if (effect.kind !== 'write' || effect.fields === undefined) return false;
    const { pins } = effect.fields;
    if (pins === '') return effect.fields.certificate === certificate;
    return pins.split(' ').includes(facts.pinOf.get(certificate) ?? 'none');
  }
}

/** What was done to one record. */
class Changes {
  readonly writes: readonly Operation[];
  readonly deletes: readonly Operation[];
  readonly changes: readonly Operation[];
  /** Acknowledged writes, by revision. */
  readonly numbered: readonly Operation[];
  /** Writes of which nobody knows whether they happened. */
  readonly unsure: readonly Operation[];
  readonly #flows: ReadonlyMap<string, Operation>;
  readonly #steps = new Map<string, Operation[]>();
  readonly #byField = new Map<Field, Operation[]>();

  constructor(operations: readonly Operation[]) {
    const of = (kind: string) => operations.filter(({ effect }) => effect.kind === kind);
    this.writes = of('write');
    this.deletes = of('delete');
    this.changes = [...this.writes, ...this.deletes];
    this.numbered = this.writes
      .filter(acknowledged)
      .sort((a, b) => (a.revision ?? 0) - (b.revision ?? 0));
    this.unsure = this.writes.filter((one) => !acknowledged(one) && mayHaveBeenDone(one));
    this.#flows = new Map(of('flow').map((flow) => [`${flow.member} ${flow.n}`, flow]));
    for (const one of this.changes) {
      const key = `${one.member} ${one.flow}`;
      const steps = this.#steps.get(key);
      if (steps === undefined) this.#steps.set(key, [one]);
      else steps.push(one);
    }
    for (const field of FIELDS) {
      const setting = this.numbered.filter(
        ({ effect }) => effect.kind === 'write' && effect.sets?.includes(field),
      );
      this.#byField.set(field, setting);
    }
  }

  flowOf({ member, flow }: Operation): Operation | undefined {
    return this.#flows.get(`${member} ${flow}`);
  }

  stepsOf({ member, n }: Operation): readonly Operation[] {
    return this.#steps.get(`${member} ${n}`) ?? [];
  }

  /** Who changed a field last, up to a revision. */
  lastChange(field: Field, revision: number): Operation | undefined {
    return this.#byField
      .get(field)
      ?.filter((one) => (one.revision ?? 0) <= revision)
      .at(-1);
  }

  /** Whether a change is known to have come after a write. */
  isAfter(change: Operation, write: Operation): boolean {
    if (change.revision !== undefined && write.revision !== undefined) {
      return change.revision > write.revision;
    }
    return change.begun > write.ended;
  }

  /** When the approval that a write holds is over, and by whose clock. */
  endOf(
    { effect }: Operation,
    facts: RegistryFacts,
  ): { readonly at: number; readonly setBy: string } | undefined {
    if (effect.kind !== 'write' || !effect.fields?.expiresAt) return undefined;
    const { expiresAt } = effect.fields;
    const setter = this.writes.find(
      (one) => fieldOf(one, 'expiresAt') === expiresAt && setsOf(one).includes('expiresAt'),
    );
    if (setter === undefined) return undefined;
    return { at: facts.endOf(expiresAt, setter.member), setBy: setter.member };
  }
}

const setsOf = ({ effect }: Operation): readonly Field[] =>
  effect.kind === 'write' ? (effect.sets ?? []) : [];

const fieldOf = ({ effect }: Operation, field: Field): string | undefined =>
  effect.kind === 'write' ? effect.fields?.[field] : undefined;

function groupById(uses: readonly Use[]): ReadonlyMap<string, readonly Use[]> {
  const groups = new Map<string, Use[]>();
  for (const use of uses) {
    const there = groups.get(use.id);
    if (there === undefined) groups.set(use.id, [use]);
    else there.push(use);
  }
  return groups;
}
