import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type ParseTrustOptions, parseTrust, TlsConfigError } from '../../../src/index.js';
import { revocationList } from '../../../src/testing/battery/revocation-list.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';

export let folder: string;

export let authority: HeldCertificate;

export let client: HeldCertificate;

export let crl: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-tls-parse-'));
  authority = await heldCertificate({ isCa: true });
  client = await heldCertificate({ signedBy: authority, extendedKeyUsages: ['clientAuth'] });
  crl = revocationList({ issuer: authority });
  writeFileSync(join(folder, 'ca.pem'), authority.pem);
  const der = authority.pem.replace(/-----[A-Z ]+-----|\s/g, '');
  writeFileSync(join(folder, 'ca.der'), Buffer.from(der, 'base64'));
  writeFileSync(join(folder, 'list.crl'), crl);
  writeFileSync(join(folder, 'client.pem'), client.pem);
  writeFileSync(join(folder, 'client.key'), client.keyPem);
  writeFileSync(join(folder, 'empty'), '');
  writeFileSync(join(folder, 'large'), '');
  truncateSync(join(folder, 'large'), 8 * 1024 * 1024 + 1);
  mkdirSync(join(folder, 'folder'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
});

afterAll(() => rmSync(folder, { recursive: true }));

export function refusal(json: unknown, options?: ParseTrustOptions): TlsConfigError {
  try {
    parseTrust(json, options);
  } catch (error) {
    if (error instanceof TlsConfigError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(json)}`);
}
