import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { startNginx } from '../support/nginx-server.js';
import { runCli, temporaryFolder } from './support/run-cli.js';

const DAY_MS = 86_400_000;
const daysFromNow = (days: number) => new Date(Date.now() + days * DAY_MS);

let home: Awaited<ReturnType<typeof temporaryFolder>>;
let root: HeldCertificate;
const run = (...args: readonly string[]) => runCli(['check', ...args], { folder: home.path });
const save = async (name: string, text: string) => {
  await writeFile(join(home.path, name), text);
  return name;
};

beforeAll(async () => {
  home = await temporaryFolder();
  root = await heldCertificate({ isCa: true, notAfter: daysFromNow(400.5) });
  await save('root.pem', root.pem);
});
afterAll(() => home[Symbol.asyncDispose]());

describe('mcp-tls check', () => {
  it('exits with 0 while a server is trusted, and with 3 when it expires within --days', async () => {
    const leaf = await heldCertificate({ signedBy: root, notAfter: daysFromNow(20.5) });
    await using server = await startNginx({ certificate: leaf });
    const trusted = await run(server.url, '--ca', 'root.pem', '--days', '20');
    expect(trusted.code).toBe(0);
    expect(trusted.stdout).toMatch(
      /^https:\S+: trusted, server certificate expires .* in 20 days\n$/,
    );
    const expiring = await run(server.url, '--ca', 'root.pem', '--days', '21');
    expect(expiring.code).toBe(3);
    expect(expiring.stdout).toContain(': expiring, ');
    // 30 by default.
    expect((await run(server.url, '--ca', 'root.pem')).code).toBe(3);
  });

  it('counts the end of the client certificate, and of the only authority, too', async () => {
    const dying = await heldCertificate({ isCa: true, notAfter: daysFromNow(3.5) });
    await save('dying.pem', dying.pem);
    const long = { notAfter: daysFromNow(300) };
    await using server = await startTlsServer({
      certificate: await heldCertificate({ signedBy: dying, ...long }),
    });
    const byAuthority = await run(server.url, '--ca', 'dying.pem', '--json');
    expect(byAuthority.code).toBe(3);
    expect(JSON.parse(byAuthority.stdout).servers[0].expires).toMatchObject({
      what: 'trusted certificate',
      daysLeft: 3,
    });
    // Whoever has the next one already is not alarmed.
    await save('next.pem', root.pem);
    const both = await run(server.url, '--ca', 'dying.pem', '--ca', 'next.pem');
    expect(both.code).toBe(0);
    const clientCa = await heldCertificate({ isCa: true });
    const client = await heldCertificate({
      signedBy: clientCa,
      extendedKeyUsages: ['clientAuth'],
      notAfter: daysFromNow(2.5),
    });
    await save('client.pem', client.pem);
    await save('client.key', client.keyPem);
    await using asking = await startTlsServer({
      certificate: await heldCertificate({ signedBy: root, ...long }),
      clientCa,
    });
    const pair = ['--client-cert', 'client.pem', '--client-key', 'client.key'];
    const byClient = await run(asking.url, '--ca', 'root.pem', ...pair);
    expect(byClient.code).toBe(3);
    expect(byClient.stdout).toContain('client certificate expires');
  });

  it('says that a certificate is expired where the policy excuses it', async () => {
    const old = await heldCertificate({ notAfter: daysFromNow(-3) });
    await using server = await startTlsServer({ certificate: old });
    const tls = { identity: 'pin', pins: old.spkiPin, allowExpired: true };
    const servers = { old: { url: server.url, tls } };
    await save('excused.json', JSON.stringify({ version: 1, servers }));
    const { code, stdout } = await run('--trust-file', 'excused.json');
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /: trusted, although its certificate expired on \S+ \(allowExpired\)\n$/,
    );
    const json = await run('--trust-file', 'excused.json', '--json');
    const [{ remarks }] = JSON.parse(json.stdout).servers;
    expect(remarks).toContainEqual(expect.objectContaining({ code: 'expired', certificate: 0 }));
  });

  it('exits with 2 for whatever its policy does not trust, though the roots would', async () => {
    const [own, other] = [await heldCertificate(), await heldCertificate()];
    await save('own.pem', own.pem);
    await using server = await startTlsServer({ certificate: other });
    for (const trust of [['--ca', 'own.pem'], ['--pin', own.spkiPin], ['--roots']]) {
      const { code, stdout } = await run(server.url, ...trust);
      expect(code).toBe(2);
      expect(stdout).toContain(': REFUSED: ');
      expect(stdout).toContain(other.fingerprint);
    }
    expect((await run(server.url, '--pin', other.fingerprint, '--days', '1')).code).toBe(0);
    expect((await run(server.url, '--ca', 'own.pem', '--pin', other.spkiPin)).code).toBe(2);
  });

  it('exits with 4 where nobody answers, and with 64 for a command line that says no trust', async () => {
    const nobody = 'https://127.0.0.1:1/';
    expect((await run(nobody, '--roots')).code).toBe(4);
    for (const args of [
      [nobody],
      [nobody, '--server-name', 'x.example'],
      [nobody, '--trust-file', 'none.json'],
      [nobody, '--ca', 'none.pem'],
      [nobody, '--roots', '--days', '-1'],
      [nobody, '--roots', '--json', '--prometheus'],
      [],
    ]) {
      expect([(await run(...args)).code, args]).toEqual([64, args]);
    }
  });

  it('checks every server of a trust file, and exits with the gravest code', async () => {
    const certificate = await heldCertificate({ notAfter: daysFromNow(100) });
    await using good = await startTlsServer({ certificate });
    await using changed = await startTlsServer({ certificate: await heldCertificate() });
    const tls = { identity: 'pin', pins: certificate.spkiPin };
    const entries = {
      good: { url: good.url, tls },
      'gone "\\': { url: 'https://127.0.0.1:1/', tls },
      changed: { url: changed.url, tls },
    };
    const write = (servers: object) => save('all.json', JSON.stringify({ version: 1, servers }));
    await write(entries);
    const all = await run('--trust-file', 'all.json');
    expect(all.code).toBe(2);
    expect(all.stdout.match(/: (trusted|unreachable|REFUSED)/g)).toEqual([
      ': trusted',
      ': unreachable',
      ': REFUSED',
    ]);
    const metrics = await run('--trust-file', 'all.json', '--prometheus');
    expect(metrics.code).toBe(2);
    const lines = metrics.stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !PROMETHEUS.test(line))).toEqual([]);
    const sample = (name: string, server: string) =>
      lines
        .find((line) => line.startsWith(`${name}{server="${server}"`))
        ?.split(' ')
        .at(-1);
    expect(sample('mcp_tls_trusted', 'good')).toBe('1');
    expect(sample('mcp_tls_trusted', 'changed')).toBe('0');
    expect(sample('mcp_tls_trusted', 'gone')).toBeUndefined();
    expect(sample('mcp_tls_reachable', 'gone \\"\\\\')).toBe('0');
    expect(sample('mcp_tls_check_exit_code', 'changed')).toBe('2');
    expect(Number(sample('mcp_tls_expires_timestamp_seconds', 'good'))).toBe(
      Date.parse(certificate.certificate.validTo) / 1000,
    );
    const { changed: _, ...others } = entries;
    await write(others);
    expect((await run('--trust-file', 'all.json')).code).toBe(4);
    await write({ good: entries.good });
    const one = await run('--trust-file', 'all.json', '--json');
    expect(one.code).toBe(0);
    expect(JSON.parse(one.stdout).servers).toMatchObject([
      { name: 'good', status: 'trusted', exitCode: 0, fingerprint: certificate.fingerprint },
    ]);
    await write({});
    expect((await run('--trust-file', 'all.json')).code).toBe(64);
  });
});

/** A comment or a sample of the text format. */
const PROMETHEUS =
  /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+\{server="(?:[^"\\]|\\["\\n])*",origin="[^"]*"\} [\d.]+)$/;
