import type { CertificateStore, StoredCertificate, StoreError } from 'mcp-tls';
import {
  type CurrentCertificate,
  createSealer,
  type KeyRingInput,
  makeStoreError,
  type WriteCondition,
} from 'mcp-tls/store';
import type { Database, Row } from './database.js';

/** Writers that come between reading a revision and writing the next one, before this gives up. */
const MAX_ATTEMPTS = 50;

/**
 * The records of mcp-tls in a gateway's own table: `gateways`, with the columns of migration.sql.
 *
 * The library seals and opens; the table, its transactions and its backups stay the application's. A
 * row that cannot be read rejects: it is never taken for a gateway without a certificate.
 */
export function createGatewayStore(database: Database, keys: KeyRingInput): CertificateStore {
  const sealer = createSealer({ keys, namespace: 'gateways-certificate-pem' });

  async function rowOf(id: string): Promise<Row | undefined> {
    assertId(id);
    const sql =
      'SELECT certificate_pem, is_self_signed, certificate_revision FROM gateways WHERE id = ?';
    return (await database.query(sql, [id])).rows[0];
  }

  async function currentOf(id: string): Promise<CurrentCertificate> {
    const row = await rowOf(id);
    const revision = Number(row?.['certificate_revision'] ?? 0);
    const sealed = row?.['certificate_pem'] ?? null;
    if (row === undefined || sealed === null)
      return { record: undefined, revision, expired: false };
    const opened = await sealer.open(id, String(sealed));
    assertAgrees(id, row, opened.record, opened.revision);
    return { record: opened.record, revision, expired: isOver(opened.record) };
  }

  /**
   * Writes over the revision that was read, or not at all, so that no writer undoes another.
   *
   * @param ifRevision what the revision has to be; `undefined`: any
   */
  async function replace(
    id: string,
    ifRevision: number | undefined,
    columns: (revision: number) => Promise<[sealed: string | null, selfSigned: boolean | null]>,
  ): Promise<{ revision: number; hadRecord: boolean }> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const row = await rowOf(id);
      const current = Number(row?.['certificate_revision'] ?? 0);
      if (ifRevision !== undefined && current !== ifRevision) {
        throw conflict(id, `was changed meanwhile (revision ${current}, not ${ifRevision})`);
      }
      const [sealed, selfSigned] = await columns(current + 1);
      const { changes } = await database.query(
        `UPDATE gateways SET certificate_pem = ?, is_self_signed = ?, certificate_revision = ?
         WHERE id = ? AND certificate_revision = ?`,
        [sealed, selfSigned, current + 1, id, current],
      );
      const hadRecord = (row?.['certificate_pem'] ?? null) !== null;
      if (changes === 1) return { revision: current + 1, hadRecord };
    }
    throw conflict(id, `was written by others ${MAX_ATTEMPTS} times meanwhile, or is gone`);
  }

  /** A row to count revisions in, also before there is a gateway. */
  async function ensureRow(id: string, url: string): Promise<void> {
    const sql = 'INSERT INTO gateways (id, url) VALUES (?, ?) ON CONFLICT (id) DO NOTHING';
    await database.query(sql, [id, url]);
  }

  return {
    async get(id) {
      const { record, expired } = await currentOf(id);
      if (!expired) return record;
      const message = `gateway '${id}': the time that it was approved for is over`;
      throw makeStoreError('MCP_TLS_STORE_EXPIRED', message, { id });
    },

    read: currentOf,

    async set(id, record, condition) {
      assertId(id);
      assertCondition(condition);
      // Sealed once before anything is written: a bad record changes nothing.
      await sealer.seal(id, record, 0);
      await ensureRow(id, record.url);
      const written = await replace(id, condition?.ifRevision, async (revision) => [
        await sealer.seal(id, record, revision),
        record.certificate?.isSelfSigned ?? false,
      ]);
      return written.revision;
    },

    async delete(id) {
      assertId(id);
      // The row stays and its revision goes on counting, where there was no record too: whoever read
      // before this writes no more.
      await ensureRow(id, '');
      return (await replace(id, undefined, async () => [null, null])).hadRecord;
    },

    async list() {
      const { rows } = await database.query(
        'SELECT id, certificate_revision FROM gateways WHERE certificate_pem IS NOT NULL ORDER BY id',
      );
      return rows.map((row) => ({
        id: String(row['id']),
        revision: Number(row['certificate_revision']),
      }));
    },

    close: () => database.close(),
  };
}

/** The columns in the clear must say what the sealed record says: somebody may have changed them. */
function assertAgrees(id: string, row: Row, record: StoredCertificate, revision: number): void {
  const selfSigned = Boolean(row['is_self_signed']) === (record.certificate?.isSelfSigned ?? false);
  if (!selfSigned || Number(row['certificate_revision']) !== revision) {
    throw new Error(`gateway '${id}': its columns do not agree with its sealed record`);
  }
}

function isOver({ expiresAt }: StoredCertificate): boolean {
  return expiresAt !== undefined && Date.now() >= Date.parse(expiresAt);
}

function conflict(id: string, what: string): StoreError {
  return makeStoreError('MCP_TLS_STORE_CONFLICT', `gateway '${id}' ${what}`, { id });
}

/** One that was misspelt is not taken for none. */
function assertCondition(condition: WriteCondition | undefined): void {
  if (condition === undefined || Number.isSafeInteger(condition?.ifRevision)) return;
  throw new TypeError('ifRevision must be a revision of read()');
}

function assertId(id: unknown): void {
  if (typeof id !== 'string' || id === '') {
    throw new TypeError('the id of a gateway must be a text');
  }
}
