import { describe, expect, it } from 'vitest';
import { FIELDS, type Field, type Fields, type Operation } from '../processes/history.js';
import { judgeRegistry, MARGIN_MS, type RegistryFacts } from '../processes/judge-registry.js';
import type { Use } from '../processes/servers.js';

/** The judge of registries in test/processes, over histories that are made by hand. */

type Made = Partial<Omit<Operation, 'effect'>>;

const at = (begun: number, ended = begun + 1): Made => ({ begun, ended });
const fields = (token: string, changed: Partial<Fields> = {}): Fields => ({
  ...{ life: token, approvedBy: token, label: token, expiresAt: '', pins: 'pin-a' },
  certificate: 'a',
  ...changed,
});

function write(name: string, token: string, shown: Fields, sets: readonly Field[], made: Made) {
  const effect = { kind: 'write', id: 'a', token, fields: shown, sets } as const;
  return { member: 'p1', name: `${name}: set`, effect, ...made } as Operation;
}

const registered = (token: string, made: Made): Operation =>
  write('register', token, fields(token), FIELDS, made);
const updated = (token: string, shown: Fields, sets: readonly Field[], made: Made): Operation =>
  write('update', token, shown, sets, { member: 'p2', ...made });
const revoked = (made: Made): Operation =>
  ({ member: 'p2', name: 'delete', effect: { kind: 'delete', id: 'a' }, ...made }) as Operation;
const read = (shown: Fields, made: Made): Operation =>
  ({
    member: 'p3',
    name: 'trust',
    effect: { kind: 'read', id: 'a' },
    fields: shown,
    ...made,
  }) as Operation;
const flow = (name: string, made: Made): Operation =>
  ({ member: 'p1', n: 0, name, effect: { kind: 'flow', id: 'a' }, ...made }) as Operation;
const use = (when: number, certificate = 'a'): Use => ({
  ...{ id: 'a', what: 'request', member: 'p3', certificate, at: when },
});

const facts = (uses: readonly Use[], changed: Partial<RegistryFacts> = {}): RegistryFacts => ({
  uses,
  requestLateMs: 100,
  streamLateMs: 300,
  pinOf: new Map([
    ['a', 'pin-a'],
    ['b', 'pin-b'],
  ]),
  stoppedFor: () => 0,
  endOf: (expiresAt) => Number(expiresAt),
  behind: () => 0,
  ...changed,
});
const kindsOf = (operations: Operation[], uses: readonly Use[] = [], changed = {}) =>
  judgeRegistry(operations, facts(uses, changed)).map(({ kind }) => kind);

const one = registered('one', { ...at(10), revision: 1 });
const LATE = 100 + MARGIN_MS;

describe('the judge of registries finds', () => {
  it('a field that another flow had changed, and that is as it was', () => {
    const label = updated('two', fields('one', { label: 'two' }), ['label'], {
      ...at(20),
      revision: 2,
    });
    const end = updated('three', fields('one', { expiresAt: '9e9' }), ['expiresAt'], {
      ...at(30),
      revision: 3,
    });
    expect(kindsOf([one, label, end])).toEqual(['CHANGE LOST']);
    const whole = updated(
      'three',
      fields('one', { label: 'two', expiresAt: '9e9' }),
      ['expiresAt'],
      {
        ...at(30),
        revision: 3,
      },
    );
    expect(kindsOf([one, label, whole])).toEqual([]);
  });

  it('a record that goes on after its revocation, in a write and in a reading', () => {
    const back = updated('two', fields('one', { label: 'two' }), ['label'], {
      ...at(30),
      revision: 3,
    });
    expect(kindsOf([one, revoked(at(20)), back])).toEqual(['REVOCATION UNDONE']);
    const shown = read(fields('one'), { ...at(200), revision: 3 });
    expect(kindsOf([one, revoked(at(20)), shown])).toEqual(['REVOCATION UNDONE']);
  });

  it('nothing wrong with a record that was registered anew', () => {
    const anew = registered('two', { ...at(30), revision: 3, readAt: 25 });
    const shown = read(fields('two'), { ...at(200), revision: 3 });
    expect(kindsOf([one, revoked(at(20)), anew, shown])).toEqual([]);
  });

  it('a registration over a record that nobody had revoked', () => {
    const over = registered('two', { ...at(30), revision: 2 });
    expect(kindsOf([one, over])).toEqual(['REGISTERED OVER A RECORD']);
    expect(kindsOf([one, revoked(at(20)), { ...over, readAt: 25 }])).toEqual([]);
  });

  it('a flow that says to have changed what it did not', () => {
    expect(kindsOf([flow('update label', { ...at(10), changed: true })])).toEqual([
      'ACKNOWLEDGED AND NOT DONE',
    ]);
    expect(kindsOf([flow('revoke', at(10))])).toEqual(['ACKNOWLEDGED AND NOT DONE']);
    expect(
      kindsOf([flow('revoke', at(10)), { ...revoked(at(10)), member: 'p1', flow: 0 }]),
    ).toEqual([]);
  });

  it('bytes over trust that was withdrawn, once that is longer ago than it may be', () => {
    const history = [one, revoked(at(20))];
    expect(kindsOf(history, [use(21 + LATE)])).toEqual([]);
    expect(kindsOf(history, [use(22 + LATE)])).toEqual(['BYTES OVER WITHDRAWN TRUST']);
    // In the process that revoked, at once.
    expect(kindsOf(history, [{ ...use(22 + MARGIN_MS), member: 'p2' }])).toEqual([
      'BYTES OVER WITHDRAWN TRUST',
    ]);
    // While it stood still, a process saw nothing.
    expect(kindsOf(history, [use(22 + LATE)], { stoppedFor: () => 1 })).toEqual([]);
  });

  it('bytes over a certificate that nobody trusted, or whose trust was replaced', () => {
    expect(kindsOf([one], [use(30, 'b')])).toEqual(['BYTES OVER WITHDRAWN TRUST']);
    const next = updated(
      'two',
      fields('one', { pins: 'pin-b', certificate: 'b' }),
      ['pins', 'certificate'],
      {
        ...at(40),
        revision: 2,
      },
    );
    expect(kindsOf([one, next], [use(50, 'b'), use(50)])).toEqual([]);
    expect(kindsOf([one, next], [use(5_000, 'b'), use(5_000)])).toEqual([
      'BYTES OVER WITHDRAWN TRUST',
    ]);
  });

  it('bytes after the end of an approval, by the clock of whoever sends them', () => {
    const ending = updated('two', fields('one', { expiresAt: '500' }), ['expiresAt'], {
      ...at(40),
      revision: 2,
    });
    expect(kindsOf([one, ending], [use(500 + LATE)])).toEqual([]);
    expect(kindsOf([one, ending], [use(501 + LATE)])).toEqual(['BYTES OVER WITHDRAWN TRUST']);
    expect(kindsOf([one, ending], [use(501 + LATE)], { behind: () => 10 })).toEqual([]);
  });

  it('nothing wrong with the values of a writer that was killed', () => {
    const killed = updated('two', fields('one', { label: 'two' }), ['label'], {
      ...at(20, Number.POSITIVE_INFINITY),
    });
    const shown = read(fields('one', { label: 'two' }), { ...at(50), revision: 2 });
    expect(kindsOf([one, killed, shown])).toEqual([]);
  });
});
