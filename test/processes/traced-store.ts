import type { CertificateStore, StoredCertificate } from '../../src/index.js';
import { readServerTrust } from '../../src/store/record/server-trust.js';
import { type Field, type Fields, now, type Outcome } from './history.js';
import type { Flow, Recorder } from './recorder.js';

/**
 * A store that notes whatever a registry does to it. It also marks each record that is written: with the
 * name of the write, and with the life that the record is in, which begins with its registration. So a
 * reading shows which write it saw, and a record that came back after its withdrawal shows that.
 */
export function traceStore(store: CertificateStore, recorder: Recorder): CertificateStore {
  const { trust, onChange, notes, ttlMs } = store;
  const flow = (): Flow | undefined => recorder.flows.getStore();

  const outcomeOf = (record: StoredCertificate | undefined, revision?: number): Outcome => ({
    ...(record !== undefined && { token: record.labels?.['w'] ?? '', fields: fieldsOf(record) }),
    ...(revision !== undefined && { revision }),
  });

  return {
    get: (id) => recorder.step('get', { kind: 'read', id }, () => store.get(id), outcomeOf),
    async read(id) {
      const found = await recorder.step(
        'read',
        { kind: 'read', id },
        () => store.read(id),
        ({ record, revision }) => outcomeOf(record, revision),
      );
      const life = found.record?.labels?.['life'] ?? '';
      const seen = { at: now(), life };
      flow()?.read.set(`${id} ${found.revision}`, seen).set(id, seen);
      return found;
    },
    async set(id, record, condition) {
      const current = flow();
      const token = recorder.nextToken();
      const ifRevision = condition?.ifRevision;
      const seen = current?.read.get(ifRevision === undefined ? id : `${id} ${ifRevision}`);
      const life = current?.sets?.includes('life') ? token : (seen?.life ?? 'unread');
      const marked = { ...record, labels: { ...record.labels, w: token, life } };
      const effect = {
        ...({ kind: 'write', id, token } as const),
        fields: fieldsOf(marked),
        sets: current?.sets ?? renewedFields(record, current),
        ...(ifRevision !== undefined && { ifRevision }),
      };
      const name = current?.name ?? 'unknown';
      return recorder.step(
        `${name}: set`,
        effect,
        () => store.set(id, marked, condition),
        (revision) => ({
          revision,
          ...(ifRevision !== undefined && { ifRevision }),
          ...(seen !== undefined && { readAt: seen.at }),
        }),
      );
    },
    delete: (id) =>
      recorder.step(
        'delete',
        { kind: 'delete', id },
        () => store.delete(id),
        () => ({}),
      ),
    list: () =>
      recorder.step(
        'list',
        { kind: 'list' },
        () => store.list(),
        (entries) => ({ entries }),
      ),
    async close() {
      await store.close?.();
    },
    ...(trust && {
      trust: (id: string) =>
        recorder.step(
          'trust',
          { kind: 'read', id },
          () => trust.call(store, id),
          (ready) => {
            const held = ready && readServerTrust(ready);
            return outcomeOf(held?.record, held?.revision);
          },
        ),
    }),
    ...(onChange && { onChange: onChange.bind(store) }),
    ...(notes && { notes }),
    ...(ttlMs !== undefined && { ttlMs }),
  };
}

/** A renewal puts another certificate on record, and with an approval other trust and who approved it. */
function renewedFields(record: StoredCertificate, flow: Flow | undefined): readonly Field[] {
  const isApproved = flow?.token !== undefined && record.approvedBy === flow.token;
  return isApproved ? ['certificate', 'pins', 'approvedBy'] : ['certificate'];
}

/** What of a record is told apart. Two records that say the same give the same texts. */
export function fieldsOf(record: StoredCertificate): Fields {
  const { approvedBy, labels, expiresAt, certificate, trust } = record as StoredCertificate & {
    trust?: { pins?: unknown };
  };
  return {
    life: labels?.['life'] ?? '',
    approvedBy: approvedBy ?? '',
    label: labels?.['f'] ?? '',
    expiresAt: expiresAt ?? '',
    pins: [trust?.pins ?? []].flat().join(' '),
    certificate: certificate?.fingerprint ?? '',
  };
}
