import { describe, expect, it } from 'vitest';
import { type Operation, readNotes } from '../processes/history.js';
import { judge } from '../processes/judge.js';

/** The judge of test/processes, over histories that are made by hand. */

type Made = Partial<Omit<Operation, 'effect'>>;
const at = (begun: number, ended = begun + 1): Made => ({ begun, ended });
const member = 'p1';
const write = (token: string, made: Made): Operation =>
  ({ member, name: 'set', effect: { kind: 'write', id: 'a', token }, ...made }) as Operation;
const remove = (made: Made): Operation =>
  ({ member, name: 'delete', effect: { kind: 'delete', id: 'a' }, ...made }) as Operation;
const read = (made: Made): Operation =>
  ({ member: 'p2', name: 'get', effect: { kind: 'read', id: 'a' }, ...made }) as Operation;
const list = (revision: number | undefined, made: Made): Operation => {
  const entries = revision === undefined ? [] : [{ id: 'a', revision }];
  return { member: 'p3', name: 'list', effect: { kind: 'list' }, entries, ...made } as Operation;
};
const kindsOf = (operations: Operation[], lateMs = 0) =>
  judge(operations, lateMs).violations.map(({ kind }) => kind);

const one = write('one', { ...at(10), revision: 1 });

describe('the judge of histories finds', () => {
  it.each<[string, Operation[]]>([
    [
      'REVOKED AND GIVEN OUT',
      [one, remove(at(20)), read({ ...at(30), token: 'one', revision: 1 })],
    ],
    ['REVOKED AND GIVEN OUT', [one, remove(at(20)), list(1, at(30))]],
    [
      'OLD VALUE',
      [
        one,
        write('two', { ...at(20), revision: 2 }),
        read({ ...at(30), token: 'one', revision: 1 }),
      ],
    ],
    ['FALSE MISS', [one, read(at(20))]],
    ['FALSE MISS', [one, list(undefined, at(20))]],
    ['READ BEFORE IT WAS WRITTEN', [one, read({ ...at(2), token: 'one', revision: 1 })]],
    ['READ OF WHAT NOBODY WROTE', [read({ ...at(2), token: 'none', revision: 1 })]],
    [
      'READ OF A WRITE THAT WAS REFUSED',
      [
        write('no', { ...at(10), error: 'MCP_TLS_STORE_CONFLICT' }),
        read({ ...at(20), token: 'no', revision: 1 }),
      ],
    ],
    [
      'REVOCATION UNDONE',
      [one, remove(at(20)), write('two', { ...at(25), revision: 9, ifRevision: 1, readAt: 15 })],
    ],
    [
      'CHANGE LOST',
      [
        one,
        write('two', { ...at(20), revision: 2 }),
        write('three', { ...at(18, 30), revision: 3, ifRevision: 1, readAt: 18 }),
      ],
    ],
    ['ONE REVISION TWICE', [one, write('two', { ...at(10), revision: 1 })]],
    [
      'OLDER AFTER NEWER',
      [
        one,
        write('two', { ...at(20, Number.POSITIVE_INFINITY) }),
        read({ ...at(30), token: 'two', revision: 2 }),
        read({ ...at(40), token: 'one', revision: 1 }),
      ],
    ],
    ['FALSE ALARM', [read({ ...at(10), error: 'MCP_TLS_STORE_ROLLED_BACK' })]],
    ['FOREIGN ERROR', [read({ ...at(10), error: 'TypeError: x is undefined' })]],
  ])('%s', (kind, operations) => {
    expect(kindsOf(operations)).toEqual([kind]);
  });

  it.each<[string, Operation[]]>([
    [
      'a reading that overlaps the deletion',
      [one, remove(at(20)), read({ ...at(19, 30), token: 'one', revision: 1 })],
    ],
    [
      'a write that may have come after the deletion',
      [
        write('one', { ...at(10, 40), revision: 1 }),
        remove(at(20)),
        read({ ...at(50), token: 'one', revision: 1 }),
      ],
    ],
    [
      'an absence while a deletion is under way',
      [one, remove(at(15, Number.POSITIVE_INFINITY)), read(at(30))],
    ],
    [
      'the value of a writer that was killed',
      [
        write('one', at(10, Number.POSITIVE_INFINITY)),
        read({ ...at(50), token: 'one', revision: 1 }),
      ],
    ],
  ])('nothing wrong with %s', (_, operations) => {
    expect(kindsOf(operations)).toEqual([]);
  });

  it('nothing wrong with what is late by no more than caches may be', () => {
    const history = [one, remove(at(20)), read({ ...at(30), token: 'one', revision: 1 })];
    expect(kindsOf(history, 9)).toEqual([]);
    expect(kindsOf(history, 8)).toEqual(['REVOKED AND GIVEN OUT']);
    expect(judge(history, 9).latest).toBe(9);
  });
});

it('notes show what a killed process had begun, and a line that was cut off does not count', () => {
  const begun = { n: 0, at: 5, name: 'delete', effect: { kind: 'delete', id: 'a' } };
  const text = `${JSON.stringify(begun)}\n{"n":0,"at":7,"outc`;
  expect(readNotes('p1', text)).toEqual([
    {
      member: 'p1',
      n: 0,
      name: 'delete',
      effect: begun.effect,
      begun: 5,
      ended: Number.POSITIVE_INFINITY,
    },
  ]);
});
