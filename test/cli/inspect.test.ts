import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOnlyForClient } from '../../src/cli/show-peer.js';
import type { PeerCertificate } from '../../src/core.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { startNginx } from '../support/nginx-server.js';
import { startOpenSslServer } from '../support/openssl-server.js';
import { opensslFacts } from './support/openssl-facts.js';
import { runCli, temporaryFolder } from './support/run-cli.js';

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

let home: Awaited<ReturnType<typeof temporaryFolder>>;
let root: HeldCertificate;
let selfSigned: HeldCertificate;
const folder = () => ({ folder: home.path });

beforeAll(async () => {
  home = await temporaryFolder();
  root = await heldCertificate({ isCa: true, commonName: 'CLI Root' });
  selfSigned = await heldCertificate({ commonName: 'CLI self-signed' });
});
afterAll(() => home[Symbol.asyncDispose]());

type Options = Parameters<typeof heldCertificate>[0];

/** What is wrong with it, and how the server is started. */
const BAD: readonly {
  readonly name: string;
  readonly certificate: Options | (() => Promise<Options>);
  readonly server?: Partial<Parameters<typeof startTlsServer>[0]>;
  readonly problem: string;
}[] = [
  { name: 'self-signed', certificate: {}, problem: 'self-signed' },
  { name: 'without names', certificate: { san: 'none' }, problem: 'no-names' },
  { name: 'for another name', certificate: { dns: ['other.example'] }, problem: 'name-mismatch' },
  { name: 'for another address', certificate: { ip: ['192.0.2.1'] }, problem: 'name-mismatch' },
  { name: 'for a URI', certificate: { uri: ['spiffe://x/y'] }, problem: 'name-mismatch' },
  { name: 'for a wildcard', certificate: { dns: ['*.example'] }, problem: 'name-mismatch' },
  {
    name: 'expired',
    certificate: { notBefore: daysFromNow(-9), notAfter: daysFromNow(-2) },
    problem: 'expired',
  },
  { name: 'not yet valid', certificate: { notBefore: daysFromNow(2) }, problem: 'not-yet-valid' },
  {
    name: 'never valid',
    certificate: { notBefore: daysFromNow(2), notAfter: daysFromNow(1) },
    problem: 'not-yet-valid',
  },
  { name: 'with an empty subject', certificate: { subject: {} }, problem: 'self-signed' },
  {
    name: 'with an RSA key of 1024 bits',
    certificate: { key: 'rsa1024' as never },
    problem: 'weak-key',
  },
  { name: 'with an RSA key of 2048 bits', certificate: { key: 'rsa2048' }, problem: 'self-signed' },
  { name: 'on P-384', certificate: { key: 'p384' }, problem: 'self-signed' },
  { name: 'on P-521', certificate: { key: 'p521' }, problem: 'self-signed' },
  { name: 'with an Ed25519 key', certificate: { key: 'ed25519' }, problem: 'self-signed' },
  { name: 'signed with SHA-1', certificate: { hash: 'sha1' }, problem: 'self-signed' },
  { name: 'a CA', certificate: { isCa: true, ip: ['127.0.0.1'] }, problem: 'self-signed' },
  {
    name: 'for clients only',
    certificate: { extendedKeyUsages: ['clientAuth'] },
    problem: 'wrong-usage',
  },
  {
    name: 'by an unknown CA',
    certificate: async () => ({ signedBy: root }),
    problem: 'unknown-issuer',
  },
  {
    name: 'without its issuer',
    certificate: async () => ({ signedBy: root, issuerUrls: ['http://ca.example/ca.crt'] }),
    server: { sendChain: 'leaf' },
    problem: 'incomplete-chain',
  },
  {
    name: 'with a broken signature',
    certificate: async () => ({ signedBy: root, defect: 'broken-signature' }),
    problem: 'unknown-issuer',
  },
  {
    name: 'of TLS 1.2 only',
    certificate: {},
    server: { maxVersion: 'TLSv1.2' },
    problem: 'self-signed',
  },
];

describe('mcp-tls inspect', () => {
  it.each(BAD)('reports of a server $name what openssl reports', async (bad) => {
    const { certificate, server: options, problem } = bad;
    const made = typeof certificate === 'function' ? await certificate() : certificate;
    await using server = await startTlsServer({
      certificate: await heldCertificate(made),
      ...options,
    });
    const [facts, { code, stdout }] = await Promise.all([
      opensslFacts(server.url),
      runCli(['inspect', server.url, '--json'], folder()),
    ]);
    expect(code).toBe(2);
    const seen = JSON.parse(stdout);
    expect({
      protocol: seen.protocol,
      chainLength: new Set(seen.chain).size,
      fingerprint: seen.certificate.fingerprint,
      spkiPin: seen.certificate.spkiPin,
      serialNumber: seen.certificate.serialNumber.replace(/^0+(?=.)/, ''),
      notBefore: Date.parse(seen.certificate.notBefore),
      notAfter: Date.parse(seen.certificate.notAfter),
      isCa: seen.certificate.isCa,
      asksForCertificate: seen.asksForCertificate,
    }).toEqual({
      protocol: facts.protocol,
      chainLength: facts.chainLength,
      fingerprint: facts.fingerprint,
      spkiPin: facts.spkiPin,
      serialNumber: facts.serialNumber,
      notBefore: facts.notBefore,
      notAfter: facts.notAfter,
      isCa: facts.isCa,
      asksForCertificate: facts.asksForCertificate,
    });
    expect(facts.verifyCode).not.toBe(0);
    const codes = [...seen.problems, ...seen.remarks].map((one: { code: string }) => one.code);
    expect(codes).toContain(problem);
  });

  it('shows everything on one screen of 80 columns, for a server of openssl and one of nginx', async () => {
    for (const start of [startOpenSslServer, startNginx]) {
      await using server = await start({ certificate: selfSigned });
      const { code, stdout } = await runCli(['inspect', server.url], folder());
      expect(code).toBe(2);
      const lines = stdout
        .trimEnd()
        .split('\n')
        .map((line) => Math.max(1, Math.ceil(line.length / 80)));
      expect(lines.reduce((sum, one) => sum + one)).toBeLessThanOrEqual(24);
      for (const part of [
        new URL(server.url).host,
        'NOT TRUSTED under the default roots',
        'signed with its own key',
        'TLSv1.3',
        'TLS_AES_256_GCM_SHA384',
        selfSigned.fingerprint,
        selfSigned.spkiPin,
        'no client certificate is asked for',
        'in 29 days',
        `mcp-tls trust ${server.url}`,
      ]) {
        expect(stdout).toContain(part);
      }
      // No terminal, no colour.
      expect(stdout).not.toContain('\u{1b}');
    }
  });

  it('saves the certificate, and the policy that it prints trusts the server', async () => {
    await using server = await startTlsServer({ certificate: selfSigned });
    const args = ['inspect', server.url, '--save', 'saved.pem'];
    const { stdout } = await runCli(args, folder());
    const file = join(home.path, 'saved.pem');
    expect((await readFile(file, 'utf8')).trim()).toBe(selfSigned.pem.trim());
    expect(stdout).toContain('"tls": { "caFile": "saved.pem", "authority": false }');
    const judged = await runCli(['inspect', server.url, '--ca', 'saved.pem'], folder());
    expect(judged.code).toBe(0);
    expect(judged.stdout).toContain('TRUSTED under the certificates of --ca');
    // An impostor's certificate does not take the place of one that is trusted.
    await using impostor = await startTlsServer({ certificate: await heldCertificate() });
    const again = await runCli(['inspect', impostor.url, '--save', 'saved.pem'], folder());
    expect(again.code).toBe(64);
    expect((await readFile(file, 'utf8')).trim()).toBe(selfSigned.pem.trim());
  });

  it('judges by a pin, by roots of the environment and by a name that is given', async () => {
    const leaf = await heldCertificate({ dns: ['inside.example'], signedBy: root });
    await using server = await startTlsServer({ certificate: leaf });
    const env = { NODE_EXTRA_CA_CERTS: join(home.path, 'root.pem') };
    await writeFile(env.NODE_EXTRA_CA_CERTS, root.pem);
    const codeOf = async (args: readonly string[], more = {}) =>
      (await runCli(['inspect', server.url, ...args], { ...folder(), ...more })).code;
    expect(await codeOf(['--pin', leaf.spkiPin])).toBe(0);
    expect(await codeOf(['--pin', root.spkiPin])).toBe(2);
    expect(await codeOf([], { env })).toBe(2);
    expect(await codeOf(['--server-name', 'inside.example'], { env })).toBe(0);
    expect(await codeOf(['--server-name', 'inside.example'])).toBe(2);
    expect(await codeOf(['--ca', 'root.pem', '--server-name', 'inside.example'])).toBe(0);
  });

  it('shows a client certificate to a server that wants one, and says when it does not', async () => {
    const clientCa = await heldCertificate({ isCa: true });
    const client = await heldCertificate({ signedBy: clientCa, extendedKeyUsages: ['clientAuth'] });
    await using server = await startOpenSslServer({ certificate: selfSigned, clientCa });
    await writeFile(join(home.path, 'own.pem'), selfSigned.pem);
    await writeFile(join(home.path, 'client.pem'), client.pem);
    await writeFile(join(home.path, 'client.key'), client.keyPem);
    const without = await runCli(['inspect', server.url, '--ca', 'own.pem', '--json'], folder());
    expect(without.code).toBe(2);
    const seen = JSON.parse(without.stdout);
    expect(seen.asksForCertificate).toBe(true);
    expect(seen.problems.map((one: { code: string }) => one.code)).toEqual([
      'client-certificate-required',
    ]);
    const shown = await runCli(['inspect', server.url, '--ca', 'own.pem'], folder());
    expect(shown.stdout).toContain("NO CONNECTION: the server's certificate is trusted under");
    expect(shown.stdout).not.toMatch(/NOT TRUSTED|To trust it|caFile/);
    expect(shown.stdout).toContain('--client-cert client.pem --client-key client-key.pem\n');
    const pair = ['--client-cert', 'client.pem', '--client-key', 'client.key'];
    const args = ['inspect', server.url, '--ca', 'own.pem', ...pair];
    for (const format of [[], ['--json']]) {
      const { code, stdout, stderr } = await runCli([...args, ...format], folder());
      expect(code).toBe(0);
      expect(stdout + stderr).not.toContain('PRIVATE KEY');
    }
  });

  it('takes no certificate for trusted that a server shows before it refuses the client', async () => {
    const forged = await heldCertificate({ signedBy: root, defect: 'foreign-signature' });
    await writeFile(join(home.path, 'root.pem'), root.pem);
    const pin = `sha256/${Buffer.alloc(32, 7).toString('base64')}`;
    const cases = [
      { certificate: forged, args: [], code: 'chain-refused' },
      {
        certificate: await heldCertificate({ signedBy: root }),
        args: ['--pin', pin],
        code: 'pin-mismatch',
      },
    ];
    for (const { certificate, args, code } of cases) {
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const versions = { minVersion: version, maxVersion: version };
        await using server = await startTlsServer({ certificate, clientCa: root.pem, ...versions });
        const given = ['inspect', server.url, '--ca', 'root.pem', ...args];
        const { certificateTrusted, problems } = JSON.parse(
          (await runCli([...given, '--json'], folder())).stdout,
        );
        expect(certificateTrusted).toBe(false);
        expect(problems[0].code).toBe(code);
        const { stdout } = await runCli(given, folder());
        expect(stdout).toContain('NOT TRUSTED under');
        expect(stdout).not.toContain('is trusted under');
      }
    }
  });

  it('suggests none where the handshake with a trusted server failed for another reason', () => {
    const peer = { trusted: false, certificateTrusted: true } as PeerCertificate;
    const seen = (...codes: readonly string[]) =>
      isOnlyForClient({ ...peer, problems: codes.map((code) => ({ code })) } as never);
    expect(seen('client-certificate-required')).toBe(true);
    expect(seen('handshake-failed')).toBe(false);
    expect(seen('weak-key-exchange', 'client-certificate-required')).toBe(false);
  });

  it('suggests a client certificate with the policy for a server that asks for one', async () => {
    const clientCa = await heldCertificate({ isCa: true });
    const client = await heldCertificate({ signedBy: clientCa, extendedKeyUsages: ['clientAuth'] });
    const stranger = await heldCertificate({ extendedKeyUsages: ['clientAuth'] });
    await using server = await startOpenSslServer({ certificate: selfSigned, clientCa });
    for (const [name, held] of Object.entries({ mine: client, strange: stranger })) {
      await writeFile(join(home.path, `${name}.pem`), held.pem);
      await writeFile(join(home.path, `${name}.key`), held.keyPem);
    }
    const inspect = async (...args: readonly string[]) =>
      (await runCli(['inspect', server.url, ...args], folder())).stdout;
    const none = await inspect();
    expect(none).toContain('Ask its operator for one');
    expect(none).toContain(
      `mcp-tls trust ${server.url}/ --client-cert client.pem --client-key client-key.pem\n`,
    );
    expect(none).toContain(
      '"clientCertificate": { "certFile": "client.pem", "keyFile": "client-key.pem" } }',
    );
    expect(none).toContain(
      "clientCertificate: { cert: fromFile('client.pem'), key: fromFile('client-key.pem') } }",
    );
    // One that it accepts is part of what would trust it; one that it refuses is not.
    const accepted = await inspect('--client-cert', 'mine.pem', '--client-key', 'mine.key');
    expect(accepted).toContain('"certFile": "mine.pem", "keyFile": "mine.key"');
    expect(accepted).not.toContain('Ask its operator for one');
    const refused = await inspect('--client-cert', 'strange.pem', '--client-key', 'strange.key');
    expect(refused).toContain('"certFile": "client.pem"');
    // It takes the files that it is told of.
    const pasted = {
      ca: selfSigned.pem,
      clientCertificate: { certFile: 'mine.pem', keyFile: 'mine.key' },
    };
    const file = { version: 1, servers: { mtls: { url: server.url, tls: pasted } } };
    await writeFile(join(home.path, 'mtls.json'), JSON.stringify(file));
    expect(await inspect('--trust-file', 'mtls.json')).toMatch(/^TRUSTED/m);
  });

  it('describes PEM and DER from stdin, and refuses what is neither', async () => {
    const two = `${selfSigned.pem}\n${root.pem}`;
    const pem = await runCli(['inspect', '-', '--json'], { ...folder(), stdin: two });
    expect(pem.code).toBe(0);
    const { certificates, count } = JSON.parse(pem.stdout);
    expect(count).toBe(2);
    expect(certificates.map((one: { fingerprint: string }) => one.fingerprint)).toEqual([
      selfSigned.fingerprint,
      root.fingerprint,
    ]);
    const base64 = selfSigned.pem.replace(/-----[^-]*-----|\s/g, '');
    const der = { ...folder(), stdin: Buffer.from(base64, 'base64') };
    const shown = await runCli(['inspect'], der);
    expect(shown.stdout).toContain(selfSigned.fingerprint);
    for (const stdin of ['', 'garbage', selfSigned.keyPem]) {
      const { code, stdout, stderr } = await runCli(['inspect', '-'], { ...folder(), stdin });
      expect(code).toBe(64);
      expect(stdout + stderr).not.toMatch(/[A-Za-z0-9+/]{60}/);
    }
  });

  it('has an exit code for each fault, with and without --json, and repeats no secret', async () => {
    const cases: readonly [code: number, args: readonly string[]][] = [
      [4, ['https://127.0.0.1:1/']],
      [4, ['https://nowhere.invalid/', '--timeout', '5']],
      [64, ['http://127.0.0.1/']],
      [64, ['https://user:hunter2@127.0.0.1/']],
      [64, ['https://127.0.0.1/', 'https://127.0.0.1/']],
      [64, ['https://127.0.0.1/', '--ca', 'nope.pem']],
      [64, ['https://127.0.0.1/', '--pin', 'hunter2']],
      [64, ['https://127.0.0.1/', '--client-cert', 'x.pem']],
      [64, ['https://127.0.0.1/', '--timeout', 'x']],
      [64, ['https://127.0.0.1/', '--proxy', 'http://me:hunter2@127.0.0.1:1/']],
      [64, ['https://127.0.0.1/', '--what']],
      [64, ['https://127.0.0.1/', '--trust-file', 'none.json']],
    ];
    for (const [code, args] of cases) {
      const plain = await runCli(['inspect', ...args], folder());
      expect([plain.code, args]).toEqual([code, args]);
      expect(plain.stdout).toBe('');
      expect(plain.stderr).toMatch(/^mcp-tls: ./);
      expect(plain.stderr).not.toMatch(/hunter2|^\s+at /m);
    }
    const json = await runCli(['inspect', 'https://127.0.0.1:1/', '--json'], folder());
    expect(json.code).toBe(4);
    const { error, exitCode } = JSON.parse(json.stdout);
    expect([error.code, exitCode]).toEqual(['MCP_TLS_UNREACHABLE', 4]);
    expect(existsSync(join(home.path, '.config'))).toBe(false);
  });
});
