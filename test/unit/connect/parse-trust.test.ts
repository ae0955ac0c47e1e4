import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { makeCustomClientFactory, parseTrust } from '../../../src/index.js';
import { debianProgram } from '../../support/debian-program.js';
import { authority, client, crl, folder, refusal } from './parse-trust-setup.js';

describe('parseTrust', () => {
  it('reads what a host keeps as JSON, and gives what `trust` takes', () => {
    const { pem: ca, spkiPin: pin, keyPem: key } = authority;
    for (const json of [
      null,
      ca,
      { ca },
      { ca: [ca, client.pem], authority: true, roots: 'default' },
      {
        ca,
        pins: [pin],
        allowExpired: true,
        serverName: 'weather.internal',
        minVersion: 'TLSv1.3',
      },
      { ca, crl },
      { roots: 'default', pins: pin, identity: 'name' },
      { identity: 'pin', pins: [pin, authority.fingerprint] },
      { ca, clientCertificate: { cert: client.pem, key: client.keyPem } },
    ]) {
      const trust = parseTrust(JSON.parse(JSON.stringify(json)));
      void makeCustomClientFactory(trust).close();
    }
    expect(parseTrust(null)).toBeNull();
    expect(parseTrust(ca)).toEqual({ ca });
    expect(key).toContain('PRIVATE');
  });

  it('reads files relative to a base, PEM and DER', () => {
    for (const base of [folder, pathToFileURL(`${folder}/`), pathToFileURL(folder).href]) {
      const trust = parseTrust({ caFile: 'ca.pem', crlFile: ['./list.crl'] }, { base });
      expect(trust).toEqual({ ca: authority.pem, crl: [crl] });
    }
    const der = parseTrust({ caFile: ['ca.der'] }, { base: folder });
    void makeCustomClientFactory(der).close();
    const clientCertificate = { certFile: 'client.pem', keyFile: 'client.key' };
    const mutual = parseTrust({ caFile: 'ca.pem', clientCertificate }, { base: folder });
    void makeCustomClientFactory(mutual).close();
  });

  it('takes undefined and null fields for not given, as zod and empty columns have them', () => {
    const { pem: ca, spkiPin: pin } = authority;
    const tls = z.object({
      ca: z.string().optional(),
      caFile: z.string().optional(),
      roots: z.enum(['none', 'default']).optional(),
      pins: z.array(z.string()).optional(),
      identity: z.enum(['name', 'pin']).optional(),
    });
    expect(parseTrust(tls.parse({ ca, caFile: undefined, pins: undefined }))).toEqual({ ca });
    const columns = {
      ca: null,
      crl: null,
      roots: null,
      pins: pin,
      identity: 'pin',
      authority: null,
    };
    expect(parseTrust(columns)).toEqual({ pins: pin, identity: 'pin' });
    const row = Object.assign(Object.create(null), { ca, clientCertificate: null });
    expect(parseTrust(row)).toEqual({ ca });
  });

  type Refused = readonly [what: string, json: () => unknown, message: RegExp, hint?: RegExp];
  const REFUSED: readonly Refused[] = [
    ['undefined', () => undefined, /^tls is undefined/, /null/],
    ['an empty object', () => ({}), /^tls says nothing/, /null/],
    ['an object of nothing given', () => ({ ca: undefined, pins: null }), /^tls says nothing/],
    ['an empty text', () => '', /^tls\.ca: .*empty/],
    ['a list', () => [authority.pem], /^tls must be an object/],
    ['true', () => true, /^tls must be an object/],
    ['a number', () => 5, /^tls must be an object/],
    ['bytes', () => Buffer.from(authority.pem), /^tls must be an object/],
    ['a Map', () => new Map([['ca', authority.pem]]), /^tls must be an object/],
    [
      'an unknown field',
      () => ({ ca: authority.pem, pin: 'x' }),
      /^tls has an unknown field 'pin'/,
      /`pins`/,
    ],
    [
      'an unknown field that is undefined',
      () => ({ ca: authority.pem, pim: undefined }),
      /unknown field 'pim'/,
    ],
    [
      'a switch to turn verification off',
      () => ({ rejectUnauthorized: false }),
      /'rejectUnauthorized'/,
      /no switch/,
    ],
    [
      'insecureSkipVerify',
      () => ({ caFile: 'x', insecureSkipVerify: true }),
      /'insecureSkipVerify'/,
      /no switch/,
    ],
    [
      '__proto__',
      () => JSON.parse('{"__proto__": {"roots": "default"}}'),
      /unknown field '__proto__'/,
    ],
    ['what stands beside it', () => ({ roots: 'default', origins: {} }), /'origins'/, /beside/],
    ['a server certificate as cert', () => ({ cert: 'x' }), /'cert'/, /`ca`/],
    ['ca beside caFile', () => ({ ca: authority.pem, caFile: 'ca.pem' }), /both ca and caFile/],
    [
      'crl beside crlFile',
      () => ({ ca: authority.pem, crl, crlFile: 'x' }),
      /both crl and crlFile/,
    ],
    ['a path as ca', () => ({ ca: '/etc/ca.pem' }), /^tls\.ca: .*path/, /`caFile`/],
    ['nonsense as ca', () => ({ ca: 'nonsense' }), /^tls\.ca: Expected a certificate/],
    ['a good and a broken one', () => ({ ca: [authority.pem, 'x'] }), /^tls\.ca: Item 2 of 2/],
    ['a number as ca', () => ({ ca: 5 }), /^tls\.ca must be a text/],
    ['an empty list of ca', () => ({ ca: [] }), /^tls\.ca must be a text/],
    ['bytes as ca', () => ({ ca: Buffer.from('x') }), /^tls\.ca must be a text/],
    ['a private key as ca', () => ({ ca: client.keyPem }), /^tls\.ca: .*a private key/],
    ['roots: none alone', () => ({ roots: 'none' }), /^tls\.roots is 'none'/],
    ['other roots', () => ({ roots: 'all' }), /^tls\.roots must be one of/],
    [
      'pins alone',
      () => ({ pins: [authority.spkiPin] }),
      /^tls does not say whom to trust/,
      /identity: 'pin'/,
    ],
    ['no pins', () => ({ identity: 'pin' }), /^tls\.identity 'pin' needs tls\.pins/],
    ['an empty list of pins', () => ({ identity: 'pin', pins: [] }), /^tls\.pins/],
    [
      'a pin beside ca',
      () => ({ identity: 'pin', pins: authority.spkiPin, ca: authority.pem }),
      /tls\.identity 'pin'/,
    ],
    ['authority of nothing', () => ({ roots: 'default', authority: true }), /tls\.authority/],
    [
      'authority as a text',
      () => ({ ca: authority.pem, authority: 'false' }),
      /^tls\.authority must be/,
    ],
    ['a server name that is none', () => ({ roots: 'default', serverName: '*.x' }), /server name/],
    ['an old TLS version', () => ({ roots: 'default', minVersion: 'TLSv1' }), /^tls\.minVersion/],
    [
      'half a key pair',
      () => ({ roots: 'default', clientCertificate: { cert: client.pem } }),
      /^tls\.clientCertificate needs both/,
    ],
    [
      'an empty client certificate',
      () => ({ roots: 'default', clientCertificate: {} }),
      /^tls\.clientCertificate needs both/,
    ],
    [
      'a client certificate as a text',
      () => ({ roots: 'default', clientCertificate: 'x' }),
      /^tls\.clientCertificate must be an object/,
    ],
    [
      'two passphrases',
      () => ({
        roots: 'default',
        clientCertificate: {
          cert: client.pem,
          key: client.keyPem,
          passphrase: 'sesame',
          passphraseEnv: 'HOME',
        },
      }),
      /both passphrase and passphraseEnv/,
    ],
    [
      'a passphrase that is not set',
      () => ({
        roots: 'default',
        clientCertificate: {
          cert: client.pem,
          key: client.keyPem,
          passphraseEnv: 'MCP_TLS_NOT_SET',
        },
      }),
      /passphraseEnv names .* not set/,
    ],
    [
      'the key of another',
      () => ({
        roots: 'default',
        clientCertificate: { cert: client.pem, key: authority.keyPem },
      }),
      /^tls\.clientCertificate: the key is not/,
    ],
    ['nonsense as crl', () => ({ ca: authority.pem, crl: 'nonsense' }), /^tls\.crl: /],
  ];

  it.each(REFUSED.map((one) => [one[0], one] as const))(
    'refuses %s, and names the field',
    (_, one) => {
      const [, json, message, hint = /^/] = one;
      const error = refusal(json(), { base: folder });
      expect(error.message).toMatch(message);
      expect(error.hint ?? '').toMatch(hint);
      expect(inspect(error).replaceAll(/\n +at .*/g, '')).not.toMatch(
        /BEGIN (?!CERTIFICATE-----")|sesame/,
      );
    },
  );

  it('calls the field by the name that it is given', () => {
    const name = 'servers.weather.tls';
    expect(refusal({ ca: 'x' }, { name }).message).toMatch(/^servers\.weather\.tls\.ca: /);
    expect(refusal({ pins: 'x' }, { name }).message).toMatch(/^servers\.weather\.tls does not say/);
    expect(refusal(undefined, { name: "$&'" }).message).toMatch(/^\$&' is undefined/);
    expect(refusal({ roots: 'x' }, { name: '$&' }).message).toMatch(/^\$&\.roots/);
  });

  it('reads no file without a base, and none that is not there, not regular, empty or too large', () => {
    expect(refusal({ caFile: join(folder, 'ca.pem') })).toMatchObject({
      message: expect.stringMatching(/^tls\.caFile names a file/),
      hint: expect.stringContaining('`base`'),
    });
    for (const [file, why] of [
      ['missing.pem', 'ENOENT'],
      ['folder', 'not a file'],
      ['pipe', 'not a file'],
      ['empty', 'the file is empty'],
      ['large', 'more than 8 MiB'],
      ['', 'must be a path'],
      ['a\0b', 'must be a path'],
    ] as const) {
      const { message } = refusal({ caFile: file }, { base: folder });
      expect(message).toMatch(/^tls\.caFile/);
      expect(message).toContain(why);
      expect(message).not.toContain(folder);
    }
    for (const base of ['', 'https://x/', new URL('https://x/'), 5 as never, 'a\0']) {
      expect(refusal({ caFile: 'ca.pem' }, { base }).message).toContain('base must be');
    }
    expect(refusal({ caFile: 'client.key' }, { base: folder }).message).toMatch(/a private key/);
  });

  it('takes a passphrase from the environment with a base, and without one looks nothing up', async () => {
    const key = execFileSync(
      await debianProgram('openssl'),
      ['pkcs8', '-topk8', '-passout', 'pass:sesame-open'],
      {
        input: client.keyPem,
        encoding: 'utf8',
      },
    );
    process.env['MCP_TLS_TEST_PASSPHRASE'] = 'sesame-open';
    try {
      const cert = client.pem;
      const json = (passphraseEnv: string) => ({
        roots: 'default',
        clientCertificate: { cert, key, passphraseEnv },
      });
      const trust = parseTrust(json('MCP_TLS_TEST_PASSPHRASE'), { base: folder });
      void makeCustomClientFactory(trust).close();
      // Alike for one that opens the key, one that does not, and one that is not set: nobody can test guesses.
      const guesses = ['MCP_TLS_TEST_PASSPHRASE', 'HOME', 'MCP_TLS_NOT_SET'].map((guess) =>
        refusal(json(guess)),
      );
      for (const { message, hint } of guesses) {
        expect(message).toMatch(/^tls\.clientCertificate\.passphraseEnv names an environment/);
        expect(message).toBe(guesses[0]?.message);
        expect(hint).toContain('`base`');
      }
    } finally {
      delete process.env['MCP_TLS_TEST_PASSPHRASE'];
    }
  });

  it('refuses options that are none', () => {
    for (const [options, message] of [
      [{ bse: 'x' }, "unknown field 'bse': did you mean 'base'?"],
      [null, 'parseTrust: options must be an object; received null'],
      [[], 'must be an object; received an empty list'],
      ['folder', 'must be an object; received a string'],
      [new URL('file:///x'), 'must be an object; received a URL'],
      [{ name: 5 }, 'options.name must be a non-empty string; received a number'],
      [{ name: '' }, 'options.name must be a non-empty string; received an empty string'],
      [{ base: null }, 'options.base must be'],
    ] as const) {
      for (const json of [null, undefined, {}]) {
        const error = refusal(json, options as never);
        expect(error).toMatchObject({ name: 'TlsConfigError', code: 'MCP_TLS_INVALID_ARGUMENT' });
        expect(error.message).toContain(message);
      }
    }
    expect(parseTrust(null, { base: undefined, name: undefined })).toBeNull();
  });

  it('refuses what an object inherits or hides, where other readers would see it or not', () => {
    const ca = authority.pem;
    for (const json of [
      Object.create(Object.assign(Object.create(null), { pins: 'x' }), {
        ca: { value: ca, enumerable: true },
      }),
      Object.defineProperty({ ca }, 'pins', { value: authority.spkiPin }),
      { ca, [Symbol('pins')]: authority.spkiPin },
    ]) {
      expect(refusal(json).message).toMatch(/^tls (must be an object|has (an unknown|a hidden))/);
    }
  });
});
