import { Agent, fetch as undiciFetch } from 'undici';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type BatteryReport,
  type MakeBatteryClient,
  pinningBattery,
} from '../../src/testing/index.js';
import { Lag } from '../support/lag.js';
import { CAUGHT, failures, ourClient, pendingByNode, ROOTS_IDS } from './pinning-battery-setup.js';
import { pinnedClient } from './support/pinned-client.js';

describe('our own client', () => {
  let report: BatteryReport;
  let elapsedMs: number;
  beforeAll(async () => {
    using lag = new Lag();
    report = await pinningBattery(ourClient);
    elapsedMs = lag.elapsedMs;
  }, 120_000);

  it('passes every check whose policy fields it has, in less than ten seconds', () => {
    expect(failures(report)).toEqual([]);
    expect(report.passed).toBe(true);
    // Two to four seconds, on a machine that has time for it.
    expect(elapsedMs).toBeLessThan(10_000);
    expect(report.durationMs).toBeGreaterThanOrEqual(elapsedMs / 2);
  });

  it('is attacked at least 30 times, and at least as many things must work', () => {
    expect(report.attacks.passed).toBeGreaterThanOrEqual(30);
    expect(report.works.passed).toBeGreaterThanOrEqual(report.attacks.passed);
    const { attacks, works } = report;
    expect(attacks.passed + attacks.pending + works.passed + works.pending).toBe(
      report.results.length,
    );
  });

  it('leaks not one byte', () => {
    for (const { applicationBytesLeaked } of report.results) expect(applicationBytesLeaked).toBe(0);
  });

  it('leaves checks pending only for what this Node.js cannot do', () => {
    const pending = report.results.filter(({ passed }) => passed === null);
    expect(pending.map(({ id }) => id)).toEqual(pendingByNode ? [] : ROOTS_IDS);
    for (const { pending: why } of pending) expect(why).toMatch(/default roots of a running Node/);
  });

  it('leaves checks pending that need fields which the client is said to lack', async () => {
    const include = ['pin-spki', 'pin-identity-allow-expired', 'server-name', 'key-p256'];
    const { results } = await pinningBattery(ourClient, { include, supports: ['ca', 'pins'] });
    expect(
      Object.fromEntries(results.map(({ id, passed, pending }) => [id, pending ?? passed])),
    ).toEqual({
      'key-p256': true,
      'pin-spki': true,
      'server-name': 'the client does not support the policy field serverName',
      'pin-identity-allow-expired':
        'the client does not support the policy fields identity, allowExpired',
    });
  });

  it('is described: every check has an id, a name, a reason and advice of its own', () => {
    const ids = report.results.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(report.results.map(({ name }) => name)).size).toBe(ids.length);
    for (const { advice, id, name, why: shows } of report.results) {
      expect(id).toMatch(/^[a-z0-9.-]+$/);
      expect(name.length).toBeGreaterThan(8);
      expect(shows).toMatch(/[.]$/);
      expect(advice).toMatch(/[.]$/);
    }
  });
});

describe('a client that knows every field, written without ours', () => {
  it('passes everything: no check asks for the impossible', async () => {
    const report = await pinningBattery(pinnedClient());
    expect(failures(report)).toEqual([]);
    const pending = report.results.filter(({ passed }) => passed === null).map(({ id }) => id);
    expect(pending).toEqual(pendingByNode ? [] : ROOTS_IDS);
  }, 30_000);
});

describe('no check is empty', () => {
  const caught = new Set<string>();

  it.each(CAUGHT)('%s is caught by %s', async (flaws, list) => {
    const ids = list.split(' ').filter((id) => pendingByNode || !ROOTS_IDS.includes(id));
    for (const id of list.split(' ')) caught.add(id);
    const options = { include: ids, timeoutMs: 1500 };
    const { results } = await pinningBattery(pinnedClient(...flaws), options);
    expect(results.filter(({ passed }) => passed !== false).map(({ id }) => id)).toEqual([]);
    for (const { applicationBytesLeaked: bytes, expected, got, id } of results) {
      if (expected !== 'refused') continue;
      // An attack that failed for want of a working client would prove nothing.
      expect(['works', 'leaked', 'connected'], id).toContain(got);
      if (got !== 'connected') expect(bytes, id).toBeGreaterThan(0);
    }
  });

  it('every attack has a client of its own flaw that fails it, and everything that must work too', async () => {
    const all = await pinningBattery(pinnedClient('refuses-everything'));
    const attacks = all.results.filter(({ expected }) => expected === 'refused');
    expect(attacks.map(({ id }) => id).filter((id) => !caught.has(id))).toEqual([]);
    const works = all.results.filter(({ expected }) => expected === 'works');
    const survived = works.filter(({ id, passed }) => passed === true && !caught.has(id));
    expect(survived).toEqual([]);
  });
});

describe('clients as they are found', () => {
  const undici =
    (connect: object): MakeBatteryClient =>
    ({ ca }) => {
      const dispatcher = new Agent({ connect: { ca: ca as string, ...connect } });
      const client = (url: string, init?: object) => undiciFetch(url, { ...init, dispatcher });
      return Object.assign(client, { close: () => dispatcher.destroy() });
    };

  it('undici with ca: sessions, redirects, common names and other origins are its failures', async () => {
    const report = await pinningBattery(undici({}), { supports: ['ca'] });
    const failed = report.results.filter(({ passed }) => passed === false).map(({ id }) => id);
    expect(failed).toEqual(
      expect.arrayContaining([
        'name-common-name-only',
        'policy-other-origin',
        'environment-chain',
        'redirect-post-307-other-origin',
        'redirect-get-to-http',
        'ca-empty',
        'anchor-intermediate',
      ]),
    );
    expect(failed).not.toContain('impostor-self-signed');
  }, 30_000);

  it('rejectUnauthorized: false: every impostor reads the whole request', async () => {
    const report = await pinningBattery(undici({ rejectUnauthorized: false }), {
      supports: ['ca'],
      include: ['impostor-self-signed', 'interceptor', 'name-other', 'leaf-expired'],
    });
    for (const result of report.results) {
      expect(result).toMatchObject({ got: 'works', passed: false });
      expect(result.applicationBytesLeaked).toBeGreaterThan(100);
    }
  });
});
