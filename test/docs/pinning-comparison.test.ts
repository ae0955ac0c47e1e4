import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BATTERY_CHECKS } from '../../src/testing/battery/battery-checks.js';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { makeClient as mcpTls } from '../comparison/clients/mcp-tls.js';
import { makeClient as fingerprintConnector } from '../comparison/clients/undici-fingerprint.js';
import { CONTENDERS } from '../comparison/contenders.js';
import { plain } from '../comparison/format-comparison.js';

/**
 * The generated comparison is committed, as it takes minutes to make. It fails here when it is about
 * other checks or other clients than there are now: then `npm run compare:pinning` makes it anew.
 */

/** The clients are fetches: what is only asked of whole hosts is not asked of them. */
const CHECKS = BATTERY_CHECKS.filter(({ subject }) => subject !== 'host');

const text = readFileSync(join(import.meta.dirname, '../../docs/pinning-comparison.md'), 'utf8');
const section = (title: string): string =>
  text.split(/^## /m).find((part) => part.startsWith(`${title}\n`)) ?? '';

describe('docs/pinning-comparison.md', () => {
  it('is about every check of a fetch, and about no other', () => {
    const listed = [...section('Every check').matchAll(/^\| `([^`]+)`<br>/gm)].map(([, id]) => id);
    expect(listed.length).toBeGreaterThan(100);
    expect(listed.toSorted()).toEqual(CHECKS.map(({ id }) => id).toSorted());
  });

  it('says what was expected of each', () => {
    for (const { expected, id, name } of CHECKS) {
      expect(text).toContain(`| \`${id}\`<br>${plain(name)} | ${expected} |`);
    }
  });

  it('is about every client, on Node.js 20 and 24', () => {
    expect(CONTENDERS.length).toBeGreaterThanOrEqual(9);
    for (const { how, name } of CONTENDERS) {
      expect(section('The clients')).toContain(`- **${name}**: ${how}`);
      for (const line of [20, 24]) expect(section('Summary')).toContain(`| ${name} | ${line} |`);
      expect(text).toContain(`### ${name}\n`);
    }
  });

  it('has a result in every cell', () => {
    const rows = section('Every check').match(/^\| `.*$/gm) ?? [];
    for (const row of rows) {
      const cells = row.split(/(?<!\\)\|/).slice(3, -1);
      expect(cells).toHaveLength(CONTENDERS.length);
      for (const cell of cells) expect(cell).toMatch(/^ [^ ?]/);
    }
  });
});

describe('what it says about the fingerprint connector, and the battery does not ask', () => {
  const credentials = { method: 'POST', headers: { authorization: 'Bearer made-up' } };

  it('accepts a certificate with a foreign signature when the CA follows it', async () => {
    const ca = await heldCertificate({ isCa: true });
    const forged = await heldCertificate({ signedBy: ca, defect: 'foreign-signature' });
    await using server = await startTlsServer({
      certificate: { cert: forged.pem + ca.pem, key: forged.keyPem },
    });
    const policy = { url: server.url, ca: ca.pem };
    const theirs = await fingerprintConnector(policy);
    expect((await theirs(server.url, credentials)).status).toBe(200);
    await theirs.close?.();
    expect(server.records.applicationBytes).toBeGreaterThan(100);

    const before = server.records.applicationBytes;
    const ours = await mcpTls(policy);
    await expect(ours(server.url, credentials)).rejects.toThrow();
    await ours.close?.();
    expect(server.records.applicationBytes).toBe(before);
  });

  it('finds no certificate on a resumed session', async () => {
    const certificate = await heldCertificate();
    await using server = await startTlsServer({ certificate });
    const theirs = await fingerprintConnector({
      url: server.url,
      ca: certificate.pem,
    });
    await (await theirs(server.url)).text();
    server.dropConnections();
    // A moment for the client to notice; else it would try the old connection.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(theirs(server.url)).rejects.toMatchObject({
      cause: { message: 'the fingerprint is another' },
    });
    await theirs.close?.();
  });
});
