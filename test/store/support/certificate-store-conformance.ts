import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CertificateStore, StoredCertificate } from '../../../src/index.js';
import { makeStoredCertificate } from '../../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';

/** Opens stores over one set of records, the second as another process would. */
export interface Subject {
  open(): Promise<CertificateStore>;
  close(): Promise<void>;
}

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
    const recordOf = (held: HeldCertificate | undefined, approvedBy = 'ops'): StoredCertificate =>
      makeStoredCertificate({ certificatePem: held?.certificatePem ?? '', approvedBy });

    beforeAll(async () => {
      [first, second] = await Promise.all([heldCertificate(), heldCertificate()]);
      subject = await begin();
      store = await subject.open();
      other = await subject.open();
    }, 60_000);
    afterAll(async () => {
      await Promise.all([store?.close(), other?.close()]);
      await subject?.close();
    });

    it('has undefined for what is not there, and false for deleting it', async () => {
      expect(await store?.get('nothing')).toBeUndefined();
      expect(await store?.delete('nothing')).toBe(false);
    });

    it('gives back what was set, to others too', async () => {
      const record = makeStoredCertificate({
        certificatePem: first?.certificatePem ?? '',
        url: 'https://10.0.0.5:8443/mcp',
        pins: [first?.spkiPin ?? ''],
        serverName: 'localhost',
        clientCertificate: { cert: second?.certificatePem ?? '', key: second?.keyPem ?? '' },
        approvedBy: 'Åsa <ops@example.com>',
        approvedAt: '2026-11-22T17:00:00.000Z',
        previous: {
          certificatePem: second?.certificatePem ?? '',
          fingerprint: second?.fingerprint256 ?? '',
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
      await expect(store?.get(id)).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
      await expect(store?.set(id, recordOf(first))).rejects.toMatchObject({
        code: 'MCP_TLS_INVALID_ARGUMENT',
      });
      await expect(store?.delete(id)).rejects.toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    });

    it.each<[string, object]>([
      ['an unknown field', { colour: 'red' }],
      ['another version', { version: 2 }],
      ['a wrong flag', { isSelfSigned: false }],
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
