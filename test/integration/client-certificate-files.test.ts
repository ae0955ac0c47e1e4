import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ClientCertificate,
  checkTrust,
  fromFile,
  makeCustomClientFactory,
  parseTrust,
  TlsConfigError,
} from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { readClientCertificate } from '../../src/trust/client-certificate.js';
import { debianProgram } from '../support/debian-program.js';

/** Files of keys and certificates as programs write them: what openssl writes, step, mkcert and Windows too. */

const folder = mkdtempSync(join(tmpdir(), 'client-files-'));
const at = (name: string): string => join(folder, name);
const openssl = (...args: string[]): void =>
  void execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
const PASS = 'Grüße 9';
const out = ['-passout', `pass:${PASS}`] as const;

const KEYS: Record<string, readonly string[]> = {
  rsa: ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  ec: ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  ed25519: ['-algorithm', 'ED25519'],
};

let program: string;

beforeAll(async () => {
  program = await debianProgram('openssl');
  openssl(
    ...'req -x509 -newkey rsa:2048 -nodes -subj /CN=CA -keyout ca.key -out ca.pem'.split(' '),
  );
  writeFileSync(at('usage'), 'extendedKeyUsage=clientAuth');
  for (const [name, args] of Object.entries(KEYS)) {
    openssl('genpkey', ...args, '-out', `${name}.key`);
    openssl('req', '-new', '-key', `${name}.key`, '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    openssl(
      ...`x509 -req -in ${name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial`.split(' '),
      ...`-extfile usage -out ${name}.pem`.split(' '),
    );
  }
}, 60_000);

afterAll(() => rmSync(folder, { recursive: true }));

const read = (name: string): Buffer => readFileSync(at(name));
const text = (name: string): string => read(name).toString();

/** Of each form, which key it is of, how to write it, and how to give it. */
type Form = [string, keyof typeof KEYS, () => void, () => ClientCertificate];
const pem = (key: string): ClientCertificate => ({ cert: text('rsa.pem'), key: text(key) });
const FORMS: readonly Form[] = [
  ['PKCS #8 (mkcert)', 'rsa', () => {}, () => pem('rsa.key')],
  [
    'PKCS #1',
    'rsa',
    () => openssl('rsa', '-in', 'rsa.key', '-traditional', '-out', '1.key'),
    () => pem('1.key'),
  ],
  [
    'PKCS #1 that is encrypted',
    'rsa',
    () => openssl('rsa', '-in', 'rsa.key', '-traditional', '-aes256', ...out, '-out', '1e.key'),
    () => ({ ...pem('1e.key'), passphrase: PASS }) as ClientCertificate,
  ],
  [
    'PKCS #8 that is encrypted, with scrypt',
    'rsa',
    () => openssl('pkcs8', '-topk8', '-in', 'rsa.key', '-scrypt', ...out, '-out', '8e.key'),
    () => ({ ...pem('8e.key'), passphrase: PASS }) as ClientCertificate,
  ],
  [
    'DER, both',
    'rsa',
    () => {
      openssl('pkcs8', '-topk8', '-nocrypt', '-in', 'rsa.key', '-outform', 'DER', '-out', 'k.der');
      openssl('x509', '-in', 'rsa.pem', '-outform', 'DER', '-out', 'c.der');
    },
    () => ({ cert: read('c.der'), key: read('k.der') }),
  ],
  [
    'SEC 1 with its parameters, behind a chain (step)',
    'ec',
    () => {
      openssl('ec', '-in', 'ec.key', '-out', 'ec1.key');
      openssl('ecparam', '-name', 'prime256v1', '-out', 'ec.params');
    },
    () => ({ cert: text('ec.pem') + text('ca.pem'), key: text('ec.params') + text('ec1.key') }),
  ],
  [
    'SEC 1 that is encrypted, as step writes it with a password',
    'ec',
    () => openssl('ec', '-in', 'ec.key', '-aes256', ...out, '-out', 'ec1e.key'),
    () => {
      expect(text('ec1e.key')).toContain('DEK-Info: AES-256-CBC');
      return { cert: text('ec.pem'), key: text('ec1e.key'), passphrase: PASS };
    },
  ],
  ['Ed25519', 'ed25519', () => {}, () => ({ cert: text('ed25519.pem'), key: text('ed25519.key') })],
  [
    'one combined file with what openssl writes around PEM',
    'rsa',
    () =>
      openssl(
        ...'pkcs12 -export -inkey rsa.key -in rsa.pem -certfile ca.pem -out all.p12'.split(' '),
        ...out,
      ),
    () => {
      openssl('pkcs12', '-in', 'all.p12', '-passin', `pass:${PASS}`, '-nodes', '-out', 'all.pem');
      expect(text('all.pem')).toContain('Bag Attributes');
      return { cert: text('all.pem'), key: text('all.pem') };
    },
  ],
];

it.each(FORMS)('%s is read (%s)', (_, name, write, give) => {
  write();
  const { leaf, chain, key } = readClientCertificate(give());
  expect(leaf.subject).toBe(`CN=${name}`);
  expect(leaf.checkPrivateKey(key)).toBe(true);
  expect(chain).not.toContain('PRIVATE');
});

/** `openssl pkcs12 -export` with these. `FROM` is the key that it is of. */
const PFX: Record<string, readonly [keyof typeof KEYS, string]> = {
  'AES and SHA-256, as openssl 3 and Windows today': ['rsa', ''],
  'AES of 128 bits, SHA-512': ['ec', '-keypbe AES-128-CBC -certpbe AES-128-CBC -macalg sha512'],
  'AES of 192 bits': ['ed25519', '-keypbe AES-192-CBC -certpbe AES-192-CBC'],
  'Triple DES and SHA-1, as Windows before': [
    'rsa',
    '-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1',
  ],
  'Triple DES of two keys, one round': [
    'rsa',
    '-keypbe PBE-SHA1-2DES -certpbe PBE-SHA1-2DES -macalg sha1 -noiter',
  ],
  'no checksum': ['rsa', '-nomac'],
  'certificates that are not encrypted': ['ec', '-certpbe NONE'],
  'nothing that is encrypted': ['ec', '-certpbe NONE -keypbe NONE'],
};

function pfx(name: string, args = '', pass: readonly string[] = out, file = 'file.p12'): Buffer {
  const from = `pkcs12 -export -inkey ${name}.key -in ${name}.pem -certfile ca.pem -out ${file}`;
  openssl(...from.split(' '), ...args.split(' ').filter((arg) => arg !== ''), ...pass);
  return read(file);
}

describe('PKCS #12', () => {
  it.each(Object.entries(PFX))('with %s is read', (_, [name, args]) => {
    const given = { pfx: pfx(name, args), passphrase: PASS };
    const { leaf, chain, key } = readClientCertificate(given);
    expect(leaf.subject).toBe(`CN=${name}`);
    expect(leaf.checkPrivateKey(key)).toBe(true);
    expect(chain.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
    // Padding behind, as some programs leave it.
    const padded = Buffer.concat([given.pfx, Buffer.alloc(3)]);
    expect(readClientCertificate({ ...given, pfx: padded }).leaf.subject).toBe(`CN=${name}`);
  });

  it('without a password is read without one, and with an empty one', () => {
    for (const args of ['', '-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1']) {
      const bytes = pfx('rsa', args, ['-passout', 'pass:']);
      for (const given of [{ pfx: bytes }, { pfx: bytes, passphrase: '' }]) {
        expect(readClientCertificate(given).leaf.subject).toBe('CN=rsa');
      }
    }
  });

  it('in BER, with lengths left open and octets in pieces, is read', () => {
    const given = { pfx: asBer(pfx('rsa')), passphrase: PASS };
    expect(readClientCertificate(given).leaf.subject).toBe('CN=rsa');
  });

  function refusal(given: ClientCertificate): TlsConfigError {
    try {
      readClientCertificate(given);
    } catch (error) {
      expect(error).toBeInstanceOf(TlsConfigError);
      expect(JSON.stringify(error)).not.toMatch(/Grüße|wrong-one|MII/);
      return error as TlsConfigError;
    }
    throw new Error('it was read');
  }

  it.each(Object.entries(PFX).slice(0, -1))(
    'with %s tells a wrong passphrase',
    (_, [name, args]) => {
      const bytes = pfx(name, args);
      expect(refusal({ pfx: bytes, passphrase: 'wrong-one' }).message).toMatch(
        /the passphrase does not open it/,
      );
      expect(refusal({ pfx: bytes }).message).toMatch(/there is no passphrase/);
    },
  );

  it('with RC2 of 40 bits, as old Windows and mkcert, names it and shows what converts it', () => {
    const bytes = pfx('rsa', '-legacy');
    expect(refusal({ pfx: bytes, passphrase: 'wrong-one' }).message).toMatch(/does not open it/);
    const { message, hint = '' } = refusal({ pfx: bytes, passphrase: PASS });
    expect(message).toContain('RC2 of 40 bits');
    const command = /openssl (pkcs12 [^,]*),/.exec(hint)?.[1] as string;
    const args = command.replace('FILE', 'file.p12').split(' ');
    openssl(...args, '-passin', `pass:${PASS}`, ...out);
    const both = text('NEW.pem');
    const read = readClientCertificate({ cert: both, key: both, passphrase: PASS });
    expect(read.leaf.subject).toBe('CN=rsa');
  });

  it('is none, or has no key, or is given as text or beside others: each is said', () => {
    openssl(...'pkcs12 -export -nokeys -in rsa.pem -out none.p12'.split(' '), ...out);
    expect(refusal({ pfx: read('none.p12'), passphrase: PASS }).message).toMatch(/no private key/);
    expect(refusal({ pfx: Buffer.from(text('rsa.pem')) }).message).toMatch(/not a PKCS #12 file/);
    expect(refusal({ pfx: Buffer.alloc(0) }).message).toMatch(/not a PKCS #12 file/);
    const { cert, key } = pem('rsa.key');
    const bytes = pfx('rsa');
    expect(refusal({ pfx: bytes, cert, key } as never).message).toMatch(/pfx and cert or key/);
    expect(refusal({ pfx: bytes.toString('base64') } as never).message).toMatch(/PKCS #12 file/);
    expect(refusal({ cert } as never).message).toMatch(/key is missing/);
    expect(refusal({ cert: bytes, key } as never)).toMatchObject({
      hint: expect.stringContaining('pfx'),
    });
  });

  it('with any byte changed or cut off is refused by a typed error, or is the same certificate', () => {
    const bytes = pfx('ec', '-noiter');
    for (let i = 0; i < bytes.length; i += 23) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] as number) ^ 0x41;
      for (const one of [changed, bytes.subarray(0, i)]) {
        try {
          const { leaf } = readClientCertificate({ pfx: one, passphrase: PASS });
          expect(leaf.subject).toBe('CN=ec');
        } catch (error) {
          expect(error).toBeInstanceOf(TlsConfigError);
        }
      }
    }
  });

  describe('over a connection', () => {
    let certificate: HeldCertificate;
    beforeAll(async () => {
      certificate = await heldCertificate();
    });

    it('is shown as a value, from a file that is replaced, and from a configuration', async () => {
      await using server = await startTlsServer({ certificate });
      server.requireClientCertificate({ pem: text('ca.pem') } as HeldCertificate);
      pfx('rsa', '', out, 'rotating.p12');
      const file = { pfxFile: 'rotating.p12', passphrase: PASS };
      const trusts = [
        { ca: certificate.pem, clientCertificate: { pfx: pfx('rsa'), passphrase: PASS } },
        parseTrust({ ca: certificate.pem, clientCertificate: file }, { base: folder }),
      ];
      for (const trust of trusts) {
        await using factory = makeCustomClientFactory(checkTrust(trust));
        expect((await factory()(server.url)).status).toBeLessThan(500);
      }
      const rotating = { pfx: fromFile(at('rotating.p12')), passphrase: PASS };
      await using factory = makeCustomClientFactory({
        ca: certificate.pem,
        clientCertificate: rotating,
      });
      const shown = async () => {
        await (await factory()(server.url)).text();
        return server.records.clientCertificates.at(-1)?.subject;
      };
      expect(await shown()).toBe('CN=rsa');
      pfx('ec', '', out, 'next.p12');
      renameSync(at('next.p12'), at('rotating.p12'));
      await expect.poll(shown, { timeout: 20_000 }).toBe('CN=ec');
    });
  });
});

/** The outer elements with lengths that are left open, and the octets of the content in two pieces. */
function asBer(der: Buffer): Buffer {
  const open = (tag: number, ...inside: Buffer[]): Buffer =>
    Buffer.concat([Buffer.from([tag, 0x80]), ...inside, Buffer.alloc(2)]);
  const parts = (bytes: Buffer): { tag: number; raw: Buffer; content: Buffer }[] => {
    const found = [];
    for (let offset = 0; offset < bytes.length; ) {
      const first = bytes[offset + 1] as number;
      const count = first > 0x80 ? first & 0x7f : 0;
      const length = count === 0 ? first : bytes.readUIntBE(offset + 2, count);
      const content = offset + 2 + count;
      const raw = bytes.subarray(offset, content + length);
      found.push({ tag: bytes[offset] as number, raw, content: raw.subarray(2 + count) });
      offset = content + length;
    }
    return found;
  };
  const of = (bytes: Buffer, index: number) => parts(bytes)[index] as ReturnType<typeof parts>[0];
  const [version, authSafe, mac] = parts(of(der, 0).content);
  const info = (authSafe as { content: Buffer }).content;
  const octets = of(of(info, 1).content, 0).content;
  const piece = (bytes: Buffer): Buffer => {
    const head = Buffer.alloc(4);
    head.writeUInt8(4, 0);
    head.writeUInt8(0x82, 1);
    head.writeUInt16BE(bytes.length, 2);
    return Buffer.concat([head, bytes]);
  };
  const pieces = [piece(octets.subarray(0, 300)), piece(octets.subarray(300))];
  const content = open(0xa0, open(0x24, ...pieces));
  return open(
    0x30,
    (version as { raw: Buffer }).raw,
    open(0x30, of(info, 0).raw, content),
    (mac as { raw: Buffer }).raw,
  );
}
