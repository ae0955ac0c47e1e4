import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkTrust, readTrustFile, TlsConfigError, trustFileSchema } from '../../../src/core.js';
import { type HeldCertificate, heldCertificate } from '../../../src/testing/index.js';
import { changeTrustFile } from '../../../src/trust-file/change-trust-file.js';

let folder: string;
let certificate: HeldCertificate;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'mcp-tls-trust-file-'));
  certificate = await heldCertificate();
  mkdirSync(join(folder, 'pem'));
  writeFileSync(join(folder, 'pem/a.pem'), certificate.pem);
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(content: unknown, name = 'trust.json'): string {
  const file = join(folder, name);
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return file;
}

const withServer = (server: unknown, name = 'a') => ({ version: 1, servers: { [name]: server } });

function refusal(content: unknown): TlsConfigError {
  try {
    readTrustFile(write(content, 'refused.json'));
  } catch (error) {
    expect(error).toBeInstanceOf(TlsConfigError);
    return error as TlsConfigError;
  }
  throw new Error(`accepted: ${JSON.stringify(content)}`);
}

describe('readTrustFile', () => {
  it('reads policies, finds them by origin, and files beside it', () => {
    const file = write({
      version: 1,
      servers: {
        weather: { url: 'https://10.0.0.5:8443/mcp?x=1', tls: { caFile: 'pem/a.pem' } },
        public: { url: 'https://MCP.example/mcp', tls: null },
        __proto__x: {
          url: 'https://pin.example/',
          tls: { identity: 'pin', pins: certificate.spkiPin },
        },
      },
    });
    for (const path of [file, pathToFileURL(file), pathToFileURL(file).href]) {
      const { servers, trustFor, path: read } = readTrustFile(path);
      expect(read).toBe(file);
      expect(servers.map(({ name, origin }) => [name, origin])).toEqual([
        ['weather', 'https://10.0.0.5:8443'],
        ['public', 'https://mcp.example'],
        ['__proto__x', 'https://pin.example'],
      ]);
      expect(trustFor('https://10.0.0.5:8443/other')).toEqual({ ca: certificate.pem });
      expect(trustFor(new URL('https://mcp.example'))).toBeNull();
      for (const other of ['https://10.0.0.5/', 'http://mcp.example/', 'constructor', '']) {
        expect(trustFor(other)).toBeUndefined();
      }
      for (const { trust } of servers) checkTrust(trust);
    }
  });

  it('reads a byte-order mark, and a server that is called __proto__', () => {
    const tls = JSON.stringify({ identity: 'pin', pins: certificate.spkiPin });
    const content = `\u{feff}{"version":1,"servers":{"__proto__":{"url":"https://x.example/","tls":${tls}}}}`;
    const { servers, trustFor } = readTrustFile(write(content));
    expect(servers.map(({ name }) => name)).toEqual(['__proto__']);
    expect(trustFor('https://x.example/')).toEqual(JSON.parse(tls));
  });

  it.each<[name: string, content: unknown, message: RegExp]>([
    ['no JSON', '{"version": 1,\n "servers": {hunter2}}', /not JSON/],
    ['another version', { version: 2, servers: {} }, /version must be 1/],
    ['no version', { servers: {} }, /version is missing/],
    ['no servers', { version: 1 }, /servers is missing/],
    ['a list of servers', { version: 1, servers: [] }, /servers must be an object/],
    ['a list', [], /must be an object/],
    ['an unknown field', { version: 1, servers: {}, insecure: true }, /unknown field 'insecure'/],
    [
      'an unknown field of a server',
      withServer({ url: 'https://x/', tls: null, headers: {} }),
      /servers\.a has an unknown field 'headers'/,
    ],
    [
      'an unknown field of a policy',
      withServer({ url: 'https://x/', tls: { rejectUnauthorized: false } }),
      /servers\.a\.tls has an unknown field/,
    ],
    ['no tls', withServer({ url: 'https://x/' }), /servers\.a\.tls is missing/],
    ['an empty policy', withServer({ url: 'https://x/', tls: {} }), /servers\.a\.tls says nothing/],
    ['no URL', withServer({ tls: null }), /servers\.a\.url is missing/],
    [
      'an http URL',
      withServer({ url: 'http://x/', tls: null }),
      /servers\.a\.url: must be an https: URL/,
    ],
    ['a password in a URL', withServer({ url: 'https://u:hunter2@x/', tls: null }), /no password/],
    [
      'a pin that is none',
      withServer({ url: 'https://x/', tls: { identity: 'pin', pins: 'hunter2' } }),
      /servers\.a\.tls/,
    ],
    [
      'a file outside',
      withServer({ url: 'https://x/', tls: { caFile: '../a.pem' } }),
      /servers\.a\.tls\.caFile/,
    ],
    [
      'a file that is not there',
      withServer({ url: 'https://x/', tls: { caFile: 'no.pem' } }),
      /cannot be read/,
    ],
    [
      'a name without a character',
      withServer({ url: 'https://x/', tls: null }, ''),
      /name of a server/,
    ],
    [
      'a name that cannot be printed',
      withServer({ url: 'https://x/', tls: null }, '\u{202e}a'),
      /name of a server/,
    ],
    [
      'a name of 129 characters',
      withServer({ url: 'https://x/', tls: null }, 'a'.repeat(129)),
      /name of a server/,
    ],
    [
      'a field twice',
      '{"version":1,"servers":{"a":{"url":"https://x/","tls":{"roots":"default"},"tls":null}}}',
      /stands twice/,
    ],
    [
      'a field twice, escaped',
      '{"version":1,"servers":{"a":{"url":"https://x/","tls":null,"\\u0074ls":null}}}',
      /stands twice/,
    ],
    ['nothing', '', /not JSON/],
  ])('refuses %s, and repeats nothing of it', (_, content, message) => {
    const error = refusal(content);
    expect(error.message).toMatch(message);
    expect(`${error.message} ${error.hint} ${error.cause}`).not.toContain('hunter2');
  });

  it('refuses two policies for one origin, and takes one for two servers', () => {
    const server = (path: string, tls: unknown) => ({ url: `https://x.example/${path}`, tls });
    const pins = { roots: 'default', pins: certificate.spkiPin };
    const servers = { a: server('a', pins), b: server('b', null) };
    expect(refusal({ version: 1, servers }).message).toMatch(/same origin/);
    const same = { version: 1, servers: { ...servers, b: server('b', pins) } };
    expect(readTrustFile(write(same)).servers).toHaveLength(2);
  });

  it('refuses what is no regular file, not UTF-8, or more than 8 MiB', () => {
    expect(() => readTrustFile(join(folder, 'none.json'))).toThrow(/cannot be read \(ENOENT\)/);
    expect(() => readTrustFile(folder)).toThrow(/cannot be read/);
    expect(() => readTrustFile(write(' '.repeat(8 * 2 ** 20 + 1)))).toThrow(/more than 8 MiB/);
    const file = join(folder, 'latin1.json');
    writeFileSync(file, Buffer.from('{"version":1,"servers":{"\xe4":1}}', 'latin1'));
    expect(() => readTrustFile(file)).toThrow(/not UTF-8/);
    expect(() => readTrustFile(certificate.keyPem)).toThrow(/holds a certificate or key/);
  });
});

describe('trustFileSchema', () => {
  it('accepts what readTrustFile accepts, and is docs/trust-file.schema.json', () => {
    const validate = new Ajv({ allErrors: true }).compile(trustFileSchema);
    const ca = certificate.pem;
    const cases: readonly (readonly [content: object, accepted: boolean])[] = [
      [{ version: 1, servers: {} }, true],
      [withServer({ url: 'https://x/', tls: null }), true],
      [withServer({ url: 'https://x/', tls: ca }), true],
      [withServer({ url: 'https://x/', tls: { ca } }), true],
      [withServer({ url: 'HTTPS://x/', tls: { roots: 'default' } }), true],
      [withServer({ url: 'http://x/', tls: null }), false],
      [withServer({ url: 'https://x/' }), false],
      [withServer({ url: 'https://x/', tls: null, x: 1 }), false],
      [withServer({ url: 'https://x/', tls: { insecure: true } }), false],
      [withServer({ url: 'https://x/', tls: null }, ''), false],
      [withServer({ url: 'https://x/', tls: null }, 'a'.repeat(129)), false],
      [{ version: 2, servers: {} }, false],
      [{ version: 1, servers: [] }, false],
      [{ version: 1, servers: {}, x: 1 }, false],
    ];
    for (const [content, accepted] of cases) {
      expect([validate(content), content]).toEqual([accepted, content]);
      if (accepted) readTrustFile(write(content));
      else refusal(content);
    }
    const docs = join(import.meta.dirname, '../../../docs');
    const schema = JSON.parse(readFileSync(join(docs, 'trust-file.schema.json'), 'utf8'));
    expect(schema).toEqual(JSON.parse(JSON.stringify(trustFileSchema)));
    const document = readFileSync(join(docs, 'trust-file.md'), 'utf8');
    const shown = [...document.matchAll(/^```json\n([\s\S]*?)^```/gm)].map(([, json = '']) =>
      JSON.parse(json),
    );
    const examples = shown.filter((one) => 'servers' in one);
    expect(examples.length).toBeGreaterThan(0);
    for (const one of examples) expect(validate(one)).toBe(true);
  });
});

describe('changeTrustFile', () => {
  const server = (host: string) => ({ url: `https://${host}/`, tls: { caFile: 'pem/a.pem' } });

  it('keeps the other servers as they were written, through a symlink too, with mode 0600', async () => {
    const file = write(withServer(server('a.example')), 'changed.json');
    symlinkSync('changed.json', join(folder, 'link.json'));
    await changeTrustFile(join(folder, 'link.json'), (servers) => {
      expect([...servers.keys()]).toEqual(['a']);
      return { b: server('b.example') };
    });
    expect(JSON.parse(readFileSync(file, 'utf8')).servers).toEqual({
      a: server('a.example'),
      b: server('b.example'),
    });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    await changeTrustFile(file, () => ({ a: undefined }));
    expect(readTrustFile(file).servers.map(({ name }) => name)).toEqual(['b']);
  });

  it('changes nothing where the change cannot be read back, or throws', async () => {
    const file = write(withServer(server('a.example')), 'kept.json');
    const before = readFileSync(file, 'utf8');
    await expect(changeTrustFile(file, () => ({ b: { url: 'x', tls: null } }))).rejects.toThrow(
      TlsConfigError,
    );
    await expect(
      changeTrustFile(file, () => {
        throw new RangeError('mine');
      }),
    ).rejects.toThrow(RangeError);
    expect(readFileSync(file, 'utf8')).toBe(before);
    // The next writer is not kept out.
    await changeTrustFile(file, () => ({}));
  });

  it('loses nothing of writers that come at once, and says which file a killed one has left', async () => {
    const file = join(folder, 'new/trust.json');
    const names = Array.from({ length: 12 }, (_, i) => `s${i}`);
    await Promise.all(
      names.map((name) =>
        changeTrustFile(file, () => ({ [name]: { url: `https://${name}/`, tls: null } })),
      ),
    );
    expect(
      readTrustFile(file)
        .servers.map(({ name }) => name)
        .sort(),
    ).toEqual([...names].sort());
    writeFileSync(`${file}.lock`, '');
    await expect(changeTrustFile(file, () => ({}))).rejects.toThrow(/trust\.json\.lock" is there/);
  });
});
