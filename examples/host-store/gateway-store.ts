import {
  type CertificateStore,
  createSealer,
  type KeyRingInput,
  type StoredCertificate,
  TlsConfigError,
} from 'mcp-tls';
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

  /** Writes over the revision that was read, or not at all, so that no writer undoes another. */
  async function replace(
    id: string,
    columns: (revision: number) => Promise<[sealed: string | null, selfSigned: boolean | null]>,
  ): Promise<void> {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const current = Number((await rowOf(id))?.['certificate_revision'] ?? 0);
      const [sealed, selfSigned] = await columns(current + 1);
      const { changes } = await database.query(
        `UPDATE gateways SET certificate_pem = ?, is_self_signed = ?, certificate_revision = ?
         WHERE id = ? AND certificate_revision = ?`,
        [sealed, selfSigned, current + 1, id, current],
      );
      if (changes === 1) return;
    }
    throw new Error(`gateway '${id}': others were faster ${MAX_ATTEMPTS} times, or it is gone`);
  }

  return {
    async get(id) {
      const row = await rowOf(id);
      const sealed = row?.['certificate_pem'];
      if (row === undefined || sealed === null || sealed === undefined) return undefined;
      const { record, revision } = await sealer.open(id, String(sealed));
      assertAgrees(id, row, record, revision);
      return record;
    },

    async set(id, record) {
      assertId(id);
      // Sealed once before anything is written: a bad record changes nothing.
      await sealer.seal(id, record, 0);
      await database.query(
        'INSERT INTO gateways (id, url) VALUES (?, ?) ON CONFLICT (id) DO NOTHING',
        [id, record.url ?? ''],
      );
      await replace(id, async (revision) => [
        await sealer.seal(id, record, revision),
        record.isSelfSigned,
      ]);
    },

    async delete(id) {
      const had = (await rowOf(id))?.['certificate_pem'] ?? null;
      if (had === null) return false;
      // The gateway stays, and its revision goes on counting.
      await replace(id, async () => [null, null]);
      return true;
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
  const selfSigned = Boolean(row['is_self_signed']) === record.isSelfSigned;
  if (!selfSigned || Number(row['certificate_revision']) !== revision) {
    throw new Error(`gateway '${id}': its columns do not agree with its sealed record`);
  }
}

function assertId(id: unknown): void {
  if (typeof id !== 'string' || id === '') {
    throw new TlsConfigError('MCP_TLS_INVALID_ARGUMENT', 'the id of a gateway must be a text');
  }
}
