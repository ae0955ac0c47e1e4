import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tls from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  checkTrust,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  parseTrust,
  type TrustPolicy,
} from '../../src/index.js';
import { createStoredCertificate, trustPolicyOf } from '../../src/store/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';

/** Versions of TLS, groups of the key exchange, and the roots of the operating system. */

const cleanups: (() => unknown)[] = [];
let certificate: HeldCertificate;
const hasPostQuantum = Number(/^3\.(\d+)/.exec(process.versions.openssl)?.[1]) >= 5;
const hasSystemRoots = 'getCACertificates' in tls;

beforeAll(async () => {
  certificate = await heldCertificate();
});
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** An HTTP server that answers with what was agreed on. */
async function serve(options: tls.TlsOptions = {}): Promise<string> {
  const server = tls.createServer(
    { cert: certificate.pem, key: certificate.keyPem, ...options },
    (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => {
        const { name } = socket.getCipher();
        const body = JSON.stringify({ version: socket.getProtocol(), cipher: name });
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      });
    },
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return `https://127.0.0.1:${(server.address() as { port: number }).port}/`;
}

async function ask(url: string, policy: Partial<TrustPolicy>): Promise<unknown> {
  await using factory = makeCustomClientFactory({ ca: certificate.pem, ...policy } as TrustPolicy);
  return await factory()(url).then((answer) => answer.json(), explainTlsError);
}

const codeOf = (make: () => unknown) => {
  try {
    make();
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('maxVersion', () => {
  it('is the newest version that is spoken, also from a configuration and a record', async () => {
    const url = await serve();
    expect(await ask(url, {})).toMatchObject({ version: 'TLSv1.3' });
    expect(await ask(url, { maxVersion: 'TLSv1.2' })).toMatchObject({ version: 'TLSv1.2' });
    const policy = parseTrust({ ca: certificate.pem, maxVersion: 'TLSv1.2', groups: 'P-256' });
    const record = await createStoredCertificate({ url, trust: policy });
    expect(record.trust).toMatchObject({ maxVersion: 'TLSv1.2', groups: ['P-256'] });
    await using factory = makeCustomClientFactory(trustPolicyOf(record));
    expect(await (await factory()(url)).json()).toMatchObject({ version: 'TLSv1.2' });
    const { protocol } = await fetchPeerCertificate(url, { trust: policy });
    expect(protocol).toBe('TLSv1.2');
  });

  it('below minVersion is refused', () => {
    const both = { ca: certificate.pem, minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } as const;
    expect(codeOf(() => checkTrust(both))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

describe('groups', () => {
  it('are those that are offered, and no others', async () => {
    const url = await serve({ ecdhCurve: 'P-384' });
    expect(await ask(url, { groups: ['X25519', 'P-384'] })).toMatchObject({ version: 'TLSv1.3' });
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      expect(await ask(url, { groups: 'X25519', maxVersion })).toMatchObject({
        code: expect.stringMatching(/^MCP_TLS_(?:PROTOCOL_MISMATCH|HANDSHAKE_FAILED)$/),
      });
    }
  });

  it('are not got round by a key exchange that has none', async () => {
    const rsa = await heldCertificate({ key: 'rsa2048' });
    const url = await serve({
      ...{ cert: rsa.pem, key: rsa.keyPem, ciphers: 'AES128-GCM-SHA256' },
      maxVersion: 'TLSv1.2',
    });
    expect(await ask(url, { ca: rsa.pem })).toMatchObject({ cipher: 'AES128-GCM-SHA256' });
    expect(await ask(url, { ca: rsa.pem, groups: 'X25519' })).toMatchObject({
      code: 'MCP_TLS_PROTOCOL_MISMATCH',
    });
  });

  it('that are post-quantum alone require it: over TLS 1.3 only, or this Node.js refuses', async () => {
    const policy = { ca: certificate.pem, groups: 'X25519MLKEM768' } as const;
    const older = { ...policy, maxVersion: 'TLSv1.2' } as const;
    expect(codeOf(() => checkTrust(older))).toBe('MCP_TLS_INVALID_ARGUMENT');
    if (!hasPostQuantum) {
      expect(codeOf(() => makeCustomClientFactory(policy))).toBe('MCP_TLS_UNSUPPORTED_RUNTIME');
      const mixed = { ...policy, groups: ['X25519', 'X25519MLKEM768'] } as const;
      expect(codeOf(() => makeCustomClientFactory(mixed))).toBe('MCP_TLS_UNSUPPORTED_RUNTIME');
      return;
    }
    expect(await ask(await serve(), policy)).toMatchObject({ version: 'TLSv1.3' });
    const classical = await serve({ ecdhCurve: 'X25519' });
    expect(await ask(classical, policy)).toMatchObject({ code: expect.stringMatching(/MCP_TLS_/) });
    const two = await serve({ maxVersion: 'TLSv1.2' });
    expect(await ask(two, policy)).toMatchObject({ code: 'MCP_TLS_PROTOCOL_MISMATCH' });
  });

  it.each([['ffdhe2048'], [[]], [['X25519', 'X25519:P-256']]])('%j are refused', (groups) => {
    const policy = { ca: certificate.pem, groups } as unknown as TrustPolicy;
    expect(codeOf(() => checkTrust(policy))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });
});

describe("roots: 'system'", () => {
  it.skipIf(hasSystemRoots)('is refused where Node.js does not give them out', () => {
    expect(() => makeCustomClientFactory({ roots: 'system' })).toThrow(
      expect.objectContaining({
        code: 'MCP_TLS_UNSUPPORTED_RUNTIME',
        hint: expect.stringContaining('22.15'),
      }),
    );
  });

  it.runIf(hasSystemRoots)('trusts what the system trusts, and nothing else', async () => {
    const [ca, other] = [
      await heldCertificate({ isCa: true }),
      await heldCertificate({ isCa: true }),
    ];
    const leaf = await heldCertificate({ signedBy: ca });
    const url = await serve({ cert: leaf.chainPem, key: leaf.keyPem });
    const folder = mkdtempSync(join(tmpdir(), 'system-roots-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const asked = async (file: string, policy: object): Promise<string> => {
      writeFileSync(join(folder, 'roots.pem'), file);
      const program = fileURLToPath(new URL('../support/ask-program.ts', import.meta.url));
      const { stdout } = await promisify(execFile)(
        process.execPath,
        ['--import', 'tsx', program, url, JSON.stringify(policy)],
        { env: { ...process.env, SSL_CERT_FILE: join(folder, 'roots.pem') } },
      );
      return stdout.trim();
    };
    const record = await createStoredCertificate({ url, trust: { roots: 'system' } });
    expect(record.trust).toEqual({ roots: 'system' });
    expect(await asked(ca.pem, { roots: 'system' })).toBe('200');
    expect(await asked(other.pem, { roots: 'system' })).toBe('MCP_TLS_UNKNOWN_ISSUER');
    expect(await asked(ca.pem, { roots: 'default' })).toBe('MCP_TLS_UNKNOWN_ISSUER');
    expect(await asked(other.pem, { roots: 'system', ca: ca.pem })).toBe('200');
  });
});
