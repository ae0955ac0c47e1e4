import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Database, openPostgres, openSqlite } from '../../examples/host-store/database.js';
import { createGatewayStore } from '../../examples/host-store/gateway-store.js';
import { heldCertificate, startMcpServer } from '../../src/testing/index.js';
import { certificateStoreConformance } from './support/certificate-store-conformance.js';
import { sharedPostgres } from './support/start-postgres.js';

/** A host application's own table, through the same suite as our stores, and as a program. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const keys = [{ id: 'k1', key: randomBytes(32) }];
let folder: string;
let postgres: Awaited<ReturnType<typeof sharedPostgres>>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mcp-tls-host-'));
  postgres = await sharedPostgres();
}, 120_000);
afterAll(async () => {
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function migrate(database: Database): Promise<void> {
  await database.query('CREATE TABLE gateways (id TEXT PRIMARY KEY, url TEXT NOT NULL)');
  const script = await readFile(`${ROOT}/examples/host-store/migration.sql`, 'utf8');
  for (const statement of script.replace(/^--.*$/gm, '').split(';')) {
    if (statement.trim() !== '') await database.query(statement);
  }
}

const databases = [
  { name: 'SQLite', open: () => openSqlite(join(folder, 'gateways.db')) },
  { name: 'PostgreSQL', open: () => openPostgres(postgres.url) },
];

for (const { name, open } of databases) {
  certificateStoreConformance(`the gateways table on ${name}`, async () => {
    const database = await open();
    await database.query('DROP TABLE IF EXISTS gateways');
    await migrate(database);
    return {
      open: async () => createGatewayStore(await open(), keys),
      close: () => database.close(),
      argumentError: { name: 'TypeError' },
    };
  });
}

describe.each(databases)('the gateways table on $name', ({ open }) => {
  it('shows nothing of a certificate or key, and does not open another row or a changed one', async () => {
    const database = await open();
    const store = createGatewayStore(database, keys);
    const [held, client] = [await heldCertificate(), await heldCertificate()];
    const { createStoredCertificate } = await import('../../src/store/index.js');
    const clientCertificate = { cert: client.pem, key: client.keyPem };
    const record = createStoredCertificate({
      url: 'https://10.0.0.5:8443/mcp',
      trust: { ca: held.pem, clientCertificate },
    });
    await store.set('one', record);
    await store.set('two', record);
    const { rows } = await database.query("SELECT * FROM gateways WHERE id = 'one'");
    expect(JSON.stringify(rows)).not.toMatch(/BEGIN|PRIVATE/);
    expect(Boolean(rows[0]?.['is_self_signed'])).toBe(true);

    const change = (column: string, from: string) =>
      database.query(`UPDATE gateways SET ${column} = ${from} WHERE id = 'two'`);
    await change('certificate_pem', "(SELECT certificate_pem FROM gateways WHERE id = 'one')");
    await expect(store.get('two')).rejects.toMatchObject({ code: 'MCP_TLS_STORE_TAMPERED' });
    await store.set('two', record);
    await change('is_self_signed', 'NULL');
    await expect(store.get('two')).rejects.toThrow(/do not agree/);
    await store.close?.();
  });
});

describe('examples/host-store', () => {
  it('approves once, stores, and connects from then on with what is stored', async () => {
    const certificate = await heldCertificate();
    await using server = await startMcpServer({ certificate });
    const file = `sqlite:${join(folder, 'program.db')}`;
    const env = { ...process.env, CERTIFICATE_KEY: randomBytes(32).toString('base64') };
    const run = (fingerprint: string) =>
      new Promise<string>((resolve) => {
        const main = 'examples/host-store/main.ts';
        const args = ['--import', 'tsx', main, file, server.mcpUrl, fingerprint];
        execFile(process.execPath, args, { cwd: ROOT, env }, (_error, stdout, stderr) =>
          resolve(stdout + stderr),
        );
      });
    const other = (await heldCertificate()).fingerprint;
    expect(await run(other)).toContain(`expected was ${other}`);
    expect(await run(certificate.fingerprint)).toBe('stored, self-signed: true\n2 + 3 = 5\n');
    expect((await run('not asked again')).replace(/^\(.*\n/gm, '')).toBe('2 + 3 = 5\n');
  }, 60_000);
});
