import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateStore, StoredCertificate } from '../../../src/index.js';
import { createStoredCertificate } from '../../../src/store/index.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';

/** Opens stores over one set of records, the second as another process would. */
export interface Subject {
  open(): Promise<CertificateStore>;
  close(): Promise<void>;
  /** What a wrong argument rejects with. Default: our error; a store of an application has its own. */
  readonly argumentError?: object;
}

const OUR_ARGUMENT_ERROR = { code: 'MCP_TLS_INVALID_ARGUMENT' };

const ODD_IDS = [
  'a',
  'A',
  '../../etc/passwd',
  'a:b::c',
  'a*?[b]',
  '%_',
  'ä',
  'a\u0308',
  ' ',
  '__proto__',
  '💥',
  "';--",
  'x'.repeat(128),
];

/** What every implementation of the interface `CertificateStore` has to do. */
export function certificateStoreConformance(name: string, begin: () => Promise<Subject>): void {
  describe(`${name}, as a CertificateStore`, () => {
    let subject: Subject;
    let [store, other]: CertificateStore[] = [];
    let [first, second]: HeldCertificate[] = [];
    const argumentError = () => subject.argumentError ?? OUR_ARGUMENT_ERROR;
    const recordOf = (held: HeldCertificate | undefined, approvedBy = 'ops'): StoredCertificate =>
      createStoredCertificate({
        url: 'https://10.0.0.5:8443/mcp',
        trust: held?.pem ?? '',
        approvedBy,
      });

    beforeAll(async () => {
      [first, second] = await Promise.all([heldCertificate(), heldCertificate()]);
      subject = await begin();
      store = await subject.open();
      other = await subject.open();
    }, 60_000);
    afterAll(async () => {
      await Promise.all([store?.close?.(), other?.close?.()]);
      await subject?.close();
    });

    it('has undefined for what is not there, and false for deleting it', async () => {
      expect(await store?.get('nothing')).toBeUndefined();
      expect(await store?.delete('nothing')).toBe(false);
    });

    it('gives back what was set, to others too', async () => {
      const record = createStoredCertificate({
        url: 'https://10.0.0.5:8443/mcp',
        trust: {
          ca: first?.pem ?? '',
          pins: [first?.spkiPin ?? ''],
          serverName: 'localhost',
          clientCertificate: { cert: second?.pem ?? '', key: second?.keyPem ?? '' },
        },
        approvedBy: 'Åsa <ops@example.com>',
        approvedAt: new Date('2026-11-22T17:00:00.000Z'),
        previous: {
          pem: second?.pem ?? '',
          fingerprint: second?.fingerprint ?? '',
        },
      });
      await store?.set('whole', record);
      expect(await store?.get('whole')).toEqual(record);
      expect(await other?.get('whole')).toEqual(record);
    });

    it('replaces a record whole, and counts its revision up', async () => {
      const revisionOf = async () =>
        (await store?.list())?.find(({ id }) => id === 'replaced')?.revision ?? 0;
      await store?.set('replaced', recordOf(first));
      const before = await revisionOf();
      const record = recordOf(second, 'others');
      await store?.set('replaced', record);
      expect(await store?.get('replaced')).toEqual(record);
      expect(await revisionOf()).toBeGreaterThan(before);
    });

    it('forgets what was deleted, and takes it again', async () => {
      await store?.set('deleted', recordOf(first));
      expect(await store?.delete('deleted')).toBe(true);
      expect(await store?.get('deleted')).toBeUndefined();
      expect((await store?.list())?.map(({ id }) => id)).not.toContain('deleted');
      expect(await store?.delete('deleted')).toBe(false);
      await store?.set('deleted', recordOf(second));
      expect(await store?.get('deleted')).toEqual(recordOf(second));
    });

    it('reads what is there with its revision, and 0 for what was never written', async () => {
      const nothing = { record: undefined, revision: 0, expired: false };
      expect(await store?.read('unwritten')).toEqual(nothing);
      const revision = await store?.set('numbered', recordOf(first));
      expect(revision).toBeGreaterThan(0);
      const record = recordOf(first);
      expect(await other?.read('numbered')).toEqual({ record, revision, expired: false });
      expect(await other?.list()).toContainEqual({ id: 'numbered', revision });
    });

    it('writes over the revision that was read, and refuses every other one', async () => {
      const one = (await store?.set('conditional', recordOf(first))) ?? 0;
      const ifRevision = (await other?.read('conditional'))?.revision ?? 0;
      const two = await other?.set('conditional', recordOf(second), { ifRevision });
      expect(two).toBeGreaterThan(one);
      for (const wrong of [one, 0, (two ?? 0) + 1]) {
        const written = store?.set('conditional', recordOf(first), { ifRevision: wrong });
        await expect(written).rejects.toMatchObject({ code: 'MCP_TLS_STORE_CONFLICT' });
      }
      const record = recordOf(second);
      expect(await store?.read('conditional')).toEqual({ record, revision: two, expired: false });
    });

    it('creates where nothing is, and refuses it where something is', async () => {
      await other?.set('created', recordOf(first), { ifRevision: 0 });
      const again = store?.set('created', recordOf(second), { ifRevision: 0 });
      await expect(again).rejects.toMatchObject({ code: 'MCP_TLS_STORE_CONFLICT' });
      expect(await store?.get('created')).toEqual(recordOf(first));
    });

    it('lets one of many conditional writes through that read the same', async () => {
      for (const id of ['raced', 'raced again', 'raced anew']) {
        const ifRevision = (await store?.read(id))?.revision ?? -1;
        const written = await Promise.allSettled(
          Array.from({ length: 8 }, (_, i) =>
            (i % 2 ? store : other)?.set(id, recordOf(first, `${i}`), { ifRevision }),
          ),
        );
        const winners = written.flatMap(({ status }, i) => (status === 'fulfilled' ? [i] : []));
        expect(winners).toHaveLength(1);
        expect((await other?.get(id))?.approvedBy).toBe(`${winners[0]}`);
        for (const one of written) {
          if (one.status === 'rejected') expect(one.reason.code).toBe('MCP_TLS_STORE_CONFLICT');
        }
      }
    });

    it('undoes no deletion by a write that read before it', async () => {
      await store?.set('withdrawn', recordOf(first));
      const { revision: ifRevision = -1 } = (await other?.read('withdrawn')) ?? {};
      expect(await store?.delete('withdrawn')).toBe(true);
      const late = other?.set('withdrawn', recordOf(second), { ifRevision });
      await expect(late).rejects.toMatchObject({ code: 'MCP_TLS_STORE_CONFLICT' });
      const { record, revision = 0 } = (await other?.read('withdrawn')) ?? {};
      expect(record).toBeUndefined();
      expect(revision).toBeGreaterThan(ifRevision);
      // Whoever read after it may: that is a decision made in its knowledge.
      await other?.set('withdrawn', recordOf(second), { ifRevision: revision });
      expect(await store?.get('withdrawn')).toEqual(recordOf(second));
    });

    it.each(['never there', 'deleted before'])(
      'undoes no deletion of a record that was %s',
      async (id) => {
        if (id === 'deleted before') {
          await store?.set(id, recordOf(first));
          await store?.delete(id);
        }
        const { revision: ifRevision = -1 } = (await other?.read(id)) ?? {};
        expect(await store?.delete(id)).toBe(false);
        const late = other?.set(id, recordOf(second), { ifRevision });
        await expect(late).rejects.toMatchObject({ code: 'MCP_TLS_STORE_CONFLICT' });
        expect(await store?.get(id)).toBeUndefined();
        expect((await store?.list())?.map((entry) => entry.id)).not.toContain(id);
      },
    );

    it('reads a record whose time is over, and does not give it out', async () => {
      const { pem: certificatePem = '' } = first ?? {};
      const expiresAt = new Date(Date.now() - 1_000);
      const record = createStoredCertificate({
        url: 'https://10.0.0.5:8443/mcp',
        trust: certificatePem,
        expiresAt,
      });
      const revision = await store?.set('over', record);
      for (const one of [store, other]) {
        await expect(one?.get('over')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_EXPIRED' });
        expect(await one?.read('over')).toEqual({ record, revision, expired: true });
      }
    });

    it.each<[string, object]>([
      ['without a revision', {}],
      ['with an unset revision', { ifRevision: undefined }],
      ['with a revision in words', { ifRevision: '0' }],
      ['with half a revision', { ifRevision: 0.5 }],
    ])('refuses a condition %s, and writes nothing', async (_, condition) => {
      const written = store?.set('unwritten', recordOf(first), condition as never);
      await expect(written).rejects.toMatchObject(argumentError());
      expect(await store?.get('unwritten')).toBeUndefined();
    });

    it('takes any id, and lists it as it was', async () => {
      for (const id of ODD_IDS) await store?.set(id, recordOf(first, `of ${id}`));
      for (const id of ODD_IDS) expect((await other?.get(id))?.approvedBy).toBe(`of ${id}`);
      const listed = (await other?.list())?.map(({ id }) => id) ?? [];
      expect(listed).toEqual(expect.arrayContaining(ODD_IDS));
      expect(new Set(listed).size).toBe(listed.length);
    });

    it.each([
      ['an empty id', ''],
      ['an id that is no text', 7 as never],
    ])('refuses %s', async (_, id) => {
      await expect(store?.get(id)).rejects.toMatchObject(argumentError());
      await expect(store?.set(id, recordOf(first))).rejects.toMatchObject(argumentError());
      await expect(store?.read(id)).rejects.toMatchObject(argumentError());
      await expect(store?.delete(id)).rejects.toMatchObject(argumentError());
    });

    it.each<[string, object]>([
      ['an unknown field', { colour: 'red' }],
      ['another version', { version: 1 }],
      ['a certificate that it does not trust', { certificate: undefined }],
    ])('refuses a record with %s, and keeps the old one', async (_, change) => {
      await store?.set('kept', recordOf(first));
      const bad = { ...recordOf(second), ...change } as StoredCertificate;
      await expect(store?.set('kept', bad)).rejects.toMatchObject({
        code: 'MCP_TLS_INVALID_ARGUMENT',
      });
      expect(await store?.get('kept')).toEqual(recordOf(first));
    });

    it('numbers the writes of many at once, each with its own number', async () => {
      await Promise.all(
        Array.from({ length: 16 }, (_, i) =>
          (i % 2 ? store : other)?.set('contended', recordOf(i % 3 ? first : second, `${i}`)),
        ),
      );
      const [mine, theirs] = await Promise.all([store?.get('contended'), other?.get('contended')]);
      expect(Number(mine?.approvedBy)).toBeLessThan(16);
      expect(theirs).toEqual(mine);
    });
  });
}
