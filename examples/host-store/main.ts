/**
 * A gateway that keeps certificates in its own database, encrypted, instead of in a store of ours:
 *
 *     tsx examples/host-store/main.ts sqlite:FILE | postgresql://... URL FINGERPRINT
 *
 * The first run approves the server by its fingerprint and stores its certificate; every further run
 * connects with what is stored. CERTIFICATE_KEY holds 32 bytes in base64 (`openssl rand -base64 32`).
 */
import { readFile } from 'node:fs/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { fetchPeerCertificate, streamableHttpClient } from 'mcp-tls';
import { createStoredCertificate, trustPolicyOf } from 'mcp-tls/store';
import { type Database, openPostgres, openSqlite } from './database.js';
import { createGatewayStore } from './gateway-store.js';

const [where = '', url = '', fingerprint = ''] = process.argv.slice(2);
const key = process.env['CERTIFICATE_KEY'] ?? '';
const database = await (where.startsWith('sqlite:')
  ? openSqlite(where.slice('sqlite:'.length))
  : openPostgres(where));
await migrate(database);
const store = createGatewayStore(database, [{ id: 'k1', key }]);

let record = await store.get('weather');
if (record === undefined) {
  // Throws unless the server presents the certificate that the operator compared.
  const { pem } = await fetchPeerCertificate(url, { expectFingerprint: fingerprint });
  record = createStoredCertificate({
    url,
    trust: { ca: pem, authority: false },
    approvedBy: 'operator',
    approvedAt: new Date(),
  });
  await store.set('weather', record);
  console.log(`stored, self-signed: ${record.certificate?.isSelfSigned}`);
}

const client = new Client({ name: 'host-store-example', version: '1.0.0' });
await client.connect(streamableHttpClient(url, { trust: trustPolicyOf(record) }));
const result = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } });
console.log(`2 + 3 = ${(result.content as { text: string }[])[0]?.text}`);
await client.close();
await store.close?.();

/** The host's own table, and then what this adds to it. */
async function migrate({ query }: Database): Promise<void> {
  await query('CREATE TABLE IF NOT EXISTS gateways (id TEXT PRIMARY KEY, url TEXT NOT NULL)');
  const migrated = await query('SELECT certificate_pem FROM gateways').then(
    () => true,
    () => false,
  );
  if (migrated) return;
  const script = await readFile(new URL('migration.sql', import.meta.url), 'utf8');
  const statements = script.replace(/^--.*$/gm, '').split(';');
  for (const statement of statements) if (statement.trim() !== '') await query(statement);
}
