import { describe, expect, it } from 'vitest';
import {
  eventsOf,
  type ServerState,
  withReported,
} from '../../../src/registry/watch/server-state.js';

/** What is reported of a server, scan by scan: `eventsOf` and `withReported` together. */

const START = Date.parse('2026-06-01T00:00:00Z');
const MINUTE = 60_000;
const DAY = 86_400_000;

/** The types of the events of scans that are a minute apart. */
function scans(states: readonly Omit<ServerState, 'at'>[]): string[] {
  const events: string[] = [];
  let previous: ServerState | undefined;
  for (const [i, state] of states.entries()) {
    const next = withReported(previous, { ...state, at: START + i * MINUTE });
    for (const event of eventsOf({ id: 'a', previous, next, first: true }, [30, 7, 1])) {
      events.push(event.type === 'refused' ? event.code : event.type);
    }
    previous = next;
  }
  return events;
}

const ends = (days: number): string => new Date(START + days * DAY).toISOString();
const record = { recorded: 'AA', recordEnds: ends(900) };
const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));

describe('a server that flaps', () => {
  it('between refusals makes one event for each code', () => {
    const codes = ['MCP_TLS_EXPIRED', 'MCP_TLS_SELF_SIGNED'] as const;
    const states = times(9, (i) => ({
      ...record,
      refusal: { code: codes[i % 2] as (typeof codes)[0], message: '' },
    }));
    expect(scans(states)).toEqual([...codes]);
  });

  it('between being in order and not, makes one event in ten minutes', () => {
    const refusal = { code: 'MCP_TLS_EXPIRED', message: '' } as const;
    const states = times(14, (i) => (i % 2 === 0 ? { ...record, refusal } : record));
    expect(scans(states)).toEqual(['MCP_TLS_EXPIRED', 'MCP_TLS_EXPIRED']);
  });

  it('between certificates that nobody approved makes one event in ten minutes', () => {
    const states = times(12, (i) => ({
      ...record,
      presented: { fingerprint: `B${i}`, notAfter: ends(90) },
    }));
    expect(scans(states)).toEqual(['changed', 'changed']);
  });

  it('between two certificates of its authority counts down once in ten minutes', () => {
    const states = times(10, (i) => ({ ...record, leafEnds: ends(i % 2 === 0 ? 365 : 5) }));
    expect(scans(states)).toEqual(['expiring']);
  });
});

describe('a server that does not', () => {
  it('is reported when its certificate comes near its end, and again when the next one does', () => {
    const states = [
      { ...record, leafEnds: ends(5) },
      ...times(11, () => ({ ...record, leafEnds: ends(6) })),
    ];
    expect(scans(states)).toEqual(['expiring', 'expiring']);
  });

  it('counts down to the end of its certificate, approval and client certificate each by itself', () => {
    const client = { fingerprint: 'CC', notAfter: ends(6) };
    const states = [
      { ...record, recordEnds: ends(20), approvalEnds: ends(25), client },
      { ...record, recordEnds: ends(20), approvalEnds: ends(0.5), client },
      { ...record, recordEnds: ends(20), approvalEnds: ends(900), client },
    ];
    let previous: ServerState | undefined;
    const told = states.map((state, i) => {
      const next = withReported(previous, { ...state, at: START + i * MINUTE });
      const events = eventsOf({ id: 'a', previous, next, first: true }, [30, 7, 1]);
      previous = next;
      return events.map((event) => event.type === 'expiring' && [event.what, event.fingerprint]);
    });
    expect(told).toEqual([
      [
        ['certificate', 'AA'],
        ['approval', 'AA'],
        ['client certificate', 'CC'],
      ],
      [['approval', 'AA']],
      [],
    ]);
  });

  it('counts down by shares of the lifetime of each, and by parts of a day', () => {
    const hours = (count: number): string => new Date(START + count * 3_600_000).toISOString();
    const state = {
      ...record,
      ...{ recordBegins: hours(-4), recordEnds: hours(2) },
      client: { fingerprint: 'CC', notBefore: hours(-1), notAfter: hours(5) },
      // Since when it holds is not known.
      approvalEnds: hours(3),
    };
    let previous: ServerState | undefined;
    const told = [0, 60, 120, 180, 181, 240].map((minutes) => {
      const next = { ...state, at: START + minutes * MINUTE };
      const limits = [{ share: 1 / 3 }, { share: 1 / 6 }, 1 / 24];
      const events = eventsOf({ id: 'a', previous, next, first: true }, limits);
      previous = next;
      return events.map((event) => [event.type, 'what' in event && event.what].join(' '));
    });
    expect(told).toEqual([
      ['expiring certificate'],
      ['expiring certificate'],
      ['expired certificate', 'expiring approval'],
      ['expired approval', 'expiring client certificate'],
      [],
      ['expiring client certificate'],
    ]);
  });

  it('has no fingerprint where the default roots are trusted', () => {
    const roots = { recorded: 'default roots', recordEnds: '9999-12-31T23:59:59.999Z' };
    const [before, after] = [
      { ...record, at: START },
      { ...roots, at: START + MINUTE },
    ];
    const [event] = eventsOf({ id: 'a', previous: before, next: after, first: true }, [30]);
    expect(event).toMatchObject({ type: 'renewed', previousFingerprint: 'AA' });
    expect(event).toMatchObject({ fingerprint: undefined, validUntil: undefined });
  });

  it('is reported as changed and refused as soon as it is, also soon after a renewal', () => {
    const presented = { fingerprint: 'CC', notAfter: ends(90) };
    const refusal = { code: 'MCP_TLS_SELF_SIGNED', message: '' } as const;
    const renewed = { recorded: 'CC', recordEnds: ends(800) };
    const again = { ...renewed, presented: { ...presented, fingerprint: 'DD' }, refusal };
    expect(scans([record, { ...record, presented, refusal }, renewed, again])).toEqual([
      'changed',
      'MCP_TLS_SELF_SIGNED',
      'renewed',
      'changed',
      'MCP_TLS_SELF_SIGNED',
    ]);
  });
});
