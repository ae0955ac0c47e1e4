import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchPeerCertificate } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import { type AlternatingServer, startAlternatingServer } from './support/alternating-server.js';
import { codeOf } from './support/code-of.js';
import { scratchRegistry } from './support/scratch-registry.js';

/**
 * OpenSSL objects to much for which no list of problems has a word. A server that nobody vouches for
 * must not be put on record because nothing was found to be wrong with it.
 */

/** Issuers of an attacker's, each with an objection of OpenSSL's that hides all others. */
const ODD_ISSUERS: readonly (readonly [string, object])[] = [
  ['that is no CA', { keyUsages: [] }],
  ['that is no CA and may sign certificates', { keyUsages: ['keyCertSign'] }],
  ['for clients only', { isCa: true, extendedKeyUsages: ['clientAuth'] }],
  ['that has ended', { isCa: true, notAfter: new Date(Date.now() - 60_000) }],
  ['that is not valid yet', { isCa: true, notBefore: new Date(Date.now() + 3_600_000) }],
  ['with an RSA key of 1024 bits', { isCa: true, key: 'rsa1024' }],
  ['that may not sign', { isCa: true, keyUsages: ['cRLSign'] }],
  ['with an unknown critical extension', { isCa: true, unknownCriticalExtension: true }],
  ['with name constraints', { isCa: true, nameConstraints: { permittedDns: ['example.com'] } }],
];

let root: HeldCertificate;
let server: AlternatingServer;

beforeAll(async () => {
  root = await heldCertificate({ isCa: true });
});
beforeEach(async () => {
  server = await startAlternatingServer();
});
afterEach(() => server[Symbol.asyncDispose]());

describe.each(ODD_ISSUERS)('an attacker below an issuer %s', (_, options) => {
  let chain: readonly HeldCertificate[];
  beforeEach(async () => {
    const issuer = await heldCertificate({ signedBy: root, ...options });
    chain = [await heldCertificate({ signedBy: issuer }), issuer];
  });

  it('is trusted by no probe, and has a problem', async () => {
    server.show([chain], 'round');
    const peer = await fetchPeerCertificate(server.url);
    expect(peer.problems).not.toEqual([]);
    expect(peer.trusted).toBe(false);
    expect(peer.suggestedPolicy).not.toBeNull();
  });

  it('is not registered without approval, whatever it shows on later connections', async () => {
    await using scratch = scratchRegistry();
    server.show([chain, chain.slice(0, 1)], 'once');
    const registered = scratch.registry.register('a', server.url);
    expect(await codeOf(registered)).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect(await scratch.stored()).toEqual([]);
    expect(server.bytes).toBe(0);
  });

  it('is not registered where the person who is asked says no', async () => {
    let asked = 0;
    const approve = () => {
      asked += 1;
      return false;
    };
    await using scratch = scratchRegistry({ approve });
    server.show([chain, chain.slice(0, 1)], 'once');
    const registered = scratch.registry.register('a', server.url);
    expect(await codeOf(registered)).toBe('MCP_TLS_APPROVAL_REQUIRED');
    expect(asked).toBe(1);
    expect(await scratch.stored()).toEqual([]);
  });
});

it('a certificate that was approved is not exchanged for another one before it is stored', async () => {
  const [approved, other] = [await heldCertificate(), await heldCertificate()];
  await using scratch = scratchRegistry();
  server.show([[approved], [other]], 'once');
  const expectFingerprint = `SHA256:${approved.fingerprint.replaceAll(':', '')}`;
  const outcome = await codeOf(scratch.registry.register('a', server.url, { expectFingerprint }));
  server.show([[other]], 'round');
  const asked = outcome === 'resolved' ? await codeOf(ask(scratch, 'a')) : outcome;
  expect(asked).toMatch(/^MCP_TLS_/);
  expect(server.bytes).toBe(0);
});

it('renew puts no attacker on record in the place of a publicly trusted server', async () => {
  // Node.js reads the roots of NODE_EXTRA_CA_CERTS when it starts.
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-renew-'));
  const file = join(folder, 'root.pem');
  const publicRoot = await heldCertificate({ isCa: true });
  await writeFile(file, publicRoot.pem);
  await writeFile(join(folder, 'root.key'), publicRoot.keyPem, { mode: 0o600 });
  try {
    const printed = await run('renew-program.ts', [folder], { NODE_EXTRA_CA_CERTS: file });
    expect(JSON.parse(printed.stdout || printed.stderr)).toEqual({
      registered: 'resolved',
      good: 200,
      renewed: 'MCP_TLS_APPROVAL_REQUIRED',
      refused: true,
      attackerBytes: 0,
      goodAgain: 200,
    });
    expect(printed.code).toBe(0);
  } finally {
    await rm(folder, { recursive: true });
  }
});

type Scratch = ReturnType<typeof scratchRegistry>;

async function ask({ registry }: Scratch, id: string): Promise<number> {
  const factory = await registry.clientFactory(id);
  return (await factory()(server.url)).status;
}

function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = join(import.meta.dirname, 'support', program);
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args], {
    env: { ...process.env, ...env },
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, stdout, stderr })));
}
