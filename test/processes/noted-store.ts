import type { CertificateStore, StoredCertificate } from '../../src/index.js';
import { createStoredCertificate } from '../../src/store/index.js';
import { type Effect, FIELDS, now, type Operation, type Outcome } from './history.js';
import type { PlayedServer } from './servers.js';
import { fieldsOf } from './traced-store.js';

/** What this process itself does to a store before and after two flows, noted like theirs. */
export class NotedStore {
  readonly operations: Operation[] = [];
  readonly #server: PlayedServer;
  #store: CertificateStore | undefined;
  #tokens = 0;

  constructor(server: PlayedServer) {
    this.#server = server;
  }

  /** Goes on with another store. */
  async use(store: CertificateStore | undefined): Promise<void> {
    await this.#store?.close?.();
    this.#store = store;
  }

  /** Has the server on record, as if it had been registered. */
  async write(id: string, pin: 'certificate' | 'key'): Promise<void> {
    const token = `setup.${this.#tokens++}`;
    const record = this.#record(pin, token);
    const fields = fieldsOf(record);
    await this.#note(
      'setup',
      { kind: 'write', id, token, fields, sets: FIELDS },
      async (store) => ({
        revision: await store.set(id, record),
      }),
    );
  }

  async delete(id: string): Promise<void> {
    await this.#note('delete', { kind: 'delete', id }, async (store) => {
      await store.delete(id);
      return {};
    });
  }

  async read(id: string): Promise<void> {
    await this.#note('read', { kind: 'read', id }, async (store) => {
      const { record, revision } = await store.read(id);
      if (record === undefined) return { revision };
      return { revision, token: record.labels?.['w'] ?? '', fields: fieldsOf(record) };
    });
  }

  #record(pin: 'certificate' | 'key', token: string): StoredCertificate {
    const [certificate] = this.#server.certificates;
    if (certificate === undefined) throw new Error('the server has no certificate');
    const { pem: certificatePem, spkiPin } = certificate;
    return createStoredCertificate({
      url: this.#server.url,
      trust:
        pin === 'key'
          ? { identity: 'pin', pins: [spkiPin] }
          : { ca: certificatePem, authority: false },
      certificate: certificatePem,
      approvedBy: token,
      approvedAt: new Date(),
      labels: { f: token, w: token, life: token },
    });
  }

  async #note(
    name: string,
    effect: Effect,
    run: (store: CertificateStore) => Promise<Outcome>,
  ): Promise<void> {
    if (this.#store === undefined) throw new Error('there is no store yet');
    const begun = now();
    const outcome = await run(this.#store).catch(
      (error): Outcome => ({ error: String((error as { code?: string }).code ?? error) }),
    );
    this.operations.push({ member: 'main', name, effect, begun, ended: now(), ...outcome });
  }
}
