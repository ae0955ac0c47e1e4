import { existsSync } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readTrustFile } from '../../src/core.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { runCli, temporaryFolder } from './support/run-cli.js';
import { inTerminal } from './support/tmux.js';

let home: Awaited<ReturnType<typeof temporaryFolder>>;
let root: HeldCertificate;
let first: HeldCertificate;
let second: HeldCertificate;

beforeAll(async () => {
  root = await heldCertificate({ isCa: true });
  first = await heldCertificate();
  second = await heldCertificate();
});
beforeEach(async () => {
  home = await temporaryFolder();
  await writeFile(join(home.path, 'root.pem'), root.pem);
});
afterEach(() => home[Symbol.asyncDispose]());

const FILE = ['--trust-file', 'trust.json'];
const path = () => join(home.path, 'trust.json');
const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runCli(args, { folder: home.path, env });
const content = () => readFile(path(), 'utf8');

describe('mcp-tls trust', () => {
  it('writes nothing without a terminal and without a fingerprint, and exits with 2', async () => {
    await using server = await startTlsServer({ certificate: first });
    const { code, stderr } = await run(['trust', server.url, ...FILE]);
    expect(code).toBe(2);
    expect(stderr).toContain('--fingerprint');
    // Who is to compare must not be able to copy it from here.
    expect(stderr).not.toContain(first.fingerprint);
    expect(stderr).not.toContain(first.spkiPin);
    expect(existsSync(path())).toBe(false);
    expect(server.records.requests).toEqual([]);
  });

  it('writes nothing for another fingerprint, and exits with 2', async () => {
    await using server = await startTlsServer({ certificate: first });
    for (const fingerprint of [second.fingerprint, second.spkiPin]) {
      const args = ['trust', server.url, ...FILE, '--fingerprint', fingerprint];
      const { code, stderr } = await run(args);
      expect(code).toBe(2);
      expect(stderr).toContain('MCP_TLS_FINGERPRINT_MISMATCH');
      // Or the next attempt is made with what this one showed.
      expect(stderr).not.toContain(first.fingerprint);
      expect(stderr).not.toContain(first.spkiPin);
      expect(existsSync(path())).toBe(false);
    }
    const json = await run([
      ...['trust', server.url, ...FILE, '--json'],
      ...['--fingerprint', second.fingerprint],
    ]);
    expect(json.stdout).toContain('MCP_TLS_FINGERPRINT_MISMATCH');
    expect(json.stdout + json.stderr).not.toContain(first.fingerprint);
    const malformed = await run(['trust', server.url, ...FILE, '--fingerprint', 'abc']);
    expect(malformed.code).toBe(64);
    expect(existsSync(path())).toBe(false);
  });

  it('writes what trusts this certificate and no other, with mode 0600', async () => {
    const args = ['--fingerprint', first.fingerprint.replaceAll(':', '').toLowerCase()];
    await using server = await startTlsServer({ certificate: first });
    const trusted = await run(['trust', server.url, ...FILE, ...args, '--name', 'weather']);
    expect(trusted).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('weather is trusted'),
    });
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    const { servers } = readTrustFile(path());
    expect(servers.map(({ name, url }) => [name, url])).toEqual([['weather', `${server.url}/`]]);
    expect((await run(['check', server.url, ...FILE])).code).toBe(3);
    expect((await run(['check', server.url, ...FILE, '--days', '5'])).code).toBe(0);
    await server.rotate(second);
    const changed = await run(['check', server.url, ...FILE]);
    expect(changed).toMatchObject({ code: 2, stdout: expect.stringContaining('REFUSED') });
    expect(changed.stdout).toContain(second.fingerprint);
  });

  it('never replaces what is there without --replace and the new fingerprint', async () => {
    await using server = await startTlsServer({ certificate: first });
    const trust = (...args: string[]) => run(['trust', server.url, ...FILE, ...args]);
    await trust('--fingerprint', first.fingerprint);
    const before = await content();
    expect((await trust()).code).toBe(0);
    await server.rotate(second);
    const right = ['--fingerprint', second.fingerprint];
    for (const args of [
      [],
      right,
      ['--replace'],
      ['--replace', '--fingerprint', first.fingerprint],
    ]) {
      const { code, stdout, stderr } = await trust(...args);
      expect(code).toBe(2);
      expect(await content()).toBe(before);
      expect(stdout + stderr).not.toContain(second.fingerprint);
      expect(stdout + stderr).not.toContain(second.spkiPin);
    }
    const replaced = await trust('--replace', ...right);
    expect(replaced.code).toBe(0);
    expect((await run(['check', server.url, ...FILE, '--days', '1'])).code).toBe(0);
    await server.rotate(first);
    expect((await run(['check', server.url, ...FILE])).code).toBe(2);
  });

  it('does not show the pin of the key either where the certificate has it in its names', async () => {
    const { spkiPin } = first;
    const names = { CN: `weather ${spkiPin}`, OU: spkiPin.replace('sha256/', '') };
    const hostile = await heldCertificate({ renewFrom: first, subject: names });
    await using server = await startTlsServer({ certificate: hostile });
    const { code, stderr } = await run(['trust', server.url, ...FILE]);
    expect(code).toBe(2);
    expect(stderr).toContain('weather (hidden)');
    expect(stderr.replaceAll(/[\s\\]/g, '')).not.toContain(spkiPin.slice(7, 40));
  });

  it('writes nothing where what was approved cannot be noted beside it', async () => {
    await using server = await startTlsServer({ certificate: first });
    await writeFile(join(home.path, 'trust.known.json'), 'not JSON');
    const trust = ['trust', server.url, ...FILE, '--fingerprint', first.fingerprint];
    expect((await run(trust)).code).toBe(64);
    expect(existsSync(path())).toBe(false);
    await writeFile(path(), '{"version":1,"servers":{"a":{"url":"https://x/","tls":null}}}');
    const before = await content();
    expect((await run(['known', 'remove', 'a', ...FILE])).code).toBe(64);
    expect(await content()).toBe(before);
  });

  it('does not repeat what stands in the place of a variable: it may be the secret', async () => {
    for (const option of ['client-passphrase-env', 'key-env', 'redis-url-env', 'header-env']) {
      const value = { 'key-env': 'k=ghp_SECRET', 'header-env': 'x-key=ghp_SECRET' }[option];
      const [command, ...more] =
        option === 'key-env' || option === 'redis-url-env'
          ? ['store', 'list']
          : [option === 'header-env' ? 'bridge' : 'check', 'https://127.0.0.1:9', '--roots'];
      const pair = ['--client-cert', 'root.pem', '--client-key', 'root.pem'];
      const args = [`${command}`, ...more, ...(command === 'check' ? pair : [])];
      const { code, stdout, stderr } = await run([...args, `--${option}`, value ?? 'ghp_SECRET']);
      expect([option, code]).toEqual([option, 64]);
      expect(stdout + stderr).not.toContain('SECRET');
    }
  });

  it('gives a publicly trusted server no pin, and clears none that is there', async () => {
    const env = { NODE_EXTRA_CA_CERTS: join(home.path, 'root.pem') };
    const leaf = await heldCertificate({ signedBy: root });
    await using server = await startTlsServer({ certificate: leaf });
    const other = await run(
      ['trust', server.url, ...FILE, '--fingerprint', first.fingerprint],
      env,
    );
    expect(other.code).toBe(2);
    expect(existsSync(path())).toBe(false);
    expect((await run(['trust', server.url, ...FILE], env)).code).toBe(0);
    expect(Object.values(JSON.parse(await content()).servers)).toEqual([
      { url: `${server.url}/`, tls: { roots: 'default' } },
    ]);
    const pinned = { roots: 'default', pins: [first.spkiPin] };
    const file = { version: 1, servers: { a: { url: `${server.url}/`, tls: pinned } } };
    await writeFile(path(), JSON.stringify(file));
    for (const args of [[], ['--replace']]) {
      expect((await run(['trust', server.url, ...FILE, ...args], env)).code).toBe(2);
      expect(JSON.parse(await content())).toEqual(file);
    }
  });

  it('takes certificates of the operator, if the server is trusted by them', async () => {
    await using server = await startTlsServer({
      certificate: await heldCertificate({ signedBy: root }),
    });
    await using impostor = await startTlsServer({ certificate: first });
    const refused = await run([
      'trust',
      impostor.url,
      ...FILE,
      '--ca',
      'root.pem',
      '--fingerprint',
      first.fingerprint,
    ]);
    expect(refused.code).toBe(2);
    expect(existsSync(path())).toBe(false);
    expect((await run(['trust', server.url, ...FILE, '--ca', 'root.pem'])).code).toBe(0);
    expect((await run(['check', server.url, ...FILE, '--days', '1'])).code).toBe(0);
  });

  it('names a client certificate by its path, keeps it when trust is replaced, and shows no key', async () => {
    const clientCa = await heldCertificate({ isCa: true });
    const client = await heldCertificate({ signedBy: clientCa, extendedKeyUsages: ['clientAuth'] });
    await writeFile(join(home.path, 'client.pem'), client.pem);
    await writeFile(join(home.path, 'client.key'), client.keyPem);
    await using server = await startTlsServer({ certificate: first, clientCa });
    const pair = ['--client-cert', 'client.pem', '--client-key', 'client.key'];
    const args = ['trust', server.url, ...FILE, '--json'];
    const trusted = await run([...args, ...pair, '--fingerprint', first.fingerprint]);
    expect(trusted.code).toBe(0);
    await server.rotate(second);
    const replaced = await run([...args, '--replace', '--fingerprint', second.fingerprint]);
    expect(replaced.code).toBe(0);
    expect(JSON.parse(replaced.stdout).tls.clientCertificate).toEqual({
      certFile: 'client.pem',
      keyFile: 'client.key',
    });
    expect(await content()).not.toContain('PRIVATE KEY');
    expect((await run(['check', server.url, ...FILE, '--days', '1'])).code).toBe(0);
    const outside = ['--client-cert', '/etc/hostname', '--client-key', '/etc/hostname'];
    expect((await run([...args, ...outside, '--replace'])).code).toBe(64);
  });

  it('keeps what a policy asks of a connection when its trust is replaced', async () => {
    const asked = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', groups: ['X25519'] };
    await using server = await startTlsServer({ certificate: second });
    const tls = { ca: first.pem, ...asked };
    const file = { version: 1, servers: { a: { url: `${server.url}/`, tls } } };
    await writeFile(path(), JSON.stringify(file));
    const args = ['--replace', '--fingerprint', second.fingerprint];
    expect((await run(['trust', server.url, ...FILE, ...args])).code).toBe(0);
    expect(JSON.parse(await content()).servers.a.tls).toMatchObject(asked);
  });

  it('keeps what others wrote at the same time', async () => {
    const names = ['a', 'b', 'c', 'd'];
    const servers = await Promise.all(names.map(() => startTlsServer({ certificate: first })));
    const results = await Promise.all(
      servers.map(({ url }, i) =>
        run(['trust', url, ...FILE, '--name', `${names[i]}`, '--fingerprint', first.fingerprint]),
      ),
    );
    await Promise.all(servers.map((server) => server.close()));
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(
      readTrustFile(path())
        .servers.map(({ name }) => name)
        .sort(),
    ).toEqual(names);
    expect(existsSync(`${path()}.lock`)).toBe(false);
  });

  it('leaves a trust file alone that it cannot read, and the name of another server', async () => {
    await using server = await startTlsServer({ certificate: first });
    const args = ['trust', server.url, ...FILE, '--fingerprint', first.fingerprint];
    await writeFile(
      path(),
      '{"version":1,"servers":{"a":{"url":"https://x/","tls":null,"more":1}}}',
    );
    const broken = await content();
    expect((await run(args)).code).toBe(64);
    expect(await content()).toBe(broken);
    await writeFile(path(), '{"version":1,"servers":{"a":{"url":"https://x/","tls":null}}}');
    expect((await run([...args, '--name', 'a'])).code).toBe(64);
    expect((await run(['trust', 'https://127.0.0.1:1/', ...FILE])).code).toBe(4);
  });

  it('asks at a terminal: the right fingerprint is written, a wrong one and none are not', async () => {
    await using server = await startTlsServer({ certificate: first });
    const answers = [
      [second.fingerprint, 'exit: 2', false],
      ['', 'exit: 2', false],
      [first.fingerprint, 'exit: 0', true],
    ] as const;
    for (const [typed, exit, written] of answers) {
      await using terminal = await inTerminal(['trust', server.url, ...FILE], {
        folder: home.path,
      });
      const asked = await terminal.until('SHA-256 fingerprint:');
      expect(asked).toContain('NOT TRUSTED');
      expect(asked.replaceAll('\n', '')).not.toContain(first.fingerprint.slice(0, 20));
      await terminal.type(typed);
      await terminal.until(exit);
      expect(existsSync(path())).toBe(written);
    }
  });
});
