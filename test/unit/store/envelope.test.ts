import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt, GeneralEncrypt } from 'jose';
import { describe, expect, it } from 'vitest';
import { type EnvelopeContext, open, openSummary, seal } from '../../../src/store/envelope.js';
import { makeKeyRing } from '../../../src/store/key-ring.js';
import { aKey, codeOf } from './support.js';

const context: EnvelopeContext = { namespace: 'certificates', kind: 'record', id: 'billing' };
const content = { revision: 7, sealedAt: 1_700_000_000_000, value: { secret: 'open sesame' } };
const key = aKey();
const ring = makeKeyRing([key], 1_000);
const TAMPERED = 'MCP_TLS_STORE_TAMPERED';

interface Vectors {
  readonly key: { readonly id: string; readonly key: string };
  readonly context: EnvelopeContext;
  readonly vectors: readonly {
    readonly name: string;
    readonly outcome: string;
    readonly envelope: string;
    readonly content?: unknown;
  }[];
}

describe('an envelope', () => {
  it('gives back any JSON that was sealed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, unit: 'binary' }),
        fc.nat(),
        fc.oneof(fc.jsonValue(), fc.constant(null), fc.dictionary(fc.string(), fc.string())),
        fc.option(fc.nat(), { nil: undefined }),
        async (id, revision, value, expiresAt) => {
          const own = { ...context, id };
          // -0 has no JSON.
          const plain = JSON.parse(JSON.stringify(value));
          const sealed = { revision, sealedAt: 1, ...(expiresAt && { expiresAt }), value: plain };
          const envelope = await seal(ring, own, sealed);
          expect(await open(ring, own, envelope)).toEqual(sealed);
          expect(await openSummary(ring, own, envelope)).toEqual({
            ...sealed,
            value: plain === null ? null : undefined,
          });
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is JWE compact that jose opens, and one by jose opens here', async () => {
    const crit = { crit: { 'mcp-tls': true } };
    const sealed = await seal(ring, context, content);
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key.key, crit);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toEqual({ v: 1, ...content });
    const byJose = await new CompactEncrypt(plaintext)
      .setProtectedHeader(protectedHeader)
      .encrypt(key.key, crit);
    expect(await open(ring, context, byJose)).toEqual(content);
  });

  it('is never the same twice, and shows nothing of its content', async () => {
    const [a, b] = await Promise.all([seal(ring, context, content), seal(ring, context, content)]);
    expect(a).not.toBe(b);
    expect(Buffer.from(a.split('.')[3] ?? '', 'base64url').toString('latin1')).not.toContain(
      'sesame',
    );
  });

  it('has a header that names the place, critically', async () => {
    const sealed = await seal(ring, context, content);
    expect(JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString())).toEqual({
      alg: 'dir',
      enc: 'A256GCM',
      kid: 'k1',
      crit: ['mcp-tls'],
      'mcp-tls': { v: 1, ns: 'certificates', kind: 'record', id: 'billing' },
    });
  });
});

describe('the committed vectors', () => {
  const file = new URL('../../fixtures/envelopes/vectors.json', import.meta.url);
  const { key: fixed, context: place, vectors } = JSON.parse(readFileSync(file, 'utf8')) as Vectors;
  const fixedRing = makeKeyRing([fixed], 1_000);

  it.each(vectors)('$name: $outcome', async ({ outcome, envelope, content: expected }) => {
    if (outcome === 'opens') {
      expect(await open(fixedRing, place, envelope)).toEqual(expected);
    } else {
      expect(await codeOf(open(fixedRing, place, envelope))).toBe(outcome);
    }
  });

  it('have vectors of every outcome', () => {
    expect(new Set(vectors.map(({ outcome }) => outcome)).size).toBeGreaterThanOrEqual(4);
  });
});

describe('damage', () => {
  it('is refused at every byte, in every bit', async () => {
    const sealed = Buffer.from(await seal(ring, context, content), 'latin1');
    const outcomes = new Set<string>();
    for (let at = 0; at < sealed.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = Buffer.from(sealed);
        damaged[at] = (damaged[at] as number) ^ (1 << bit);
        outcomes.add(await codeOf(open(ring, context, damaged.toString('latin1'))));
      }
    }
    // A changed key id may be that of another key, which is not there.
    expect([...outcomes].sort()).toEqual([TAMPERED, 'MCP_TLS_STORE_UNKNOWN_KEY']);
  });

  it('is refused at every length', async () => {
    const sealed = await seal(ring, context, content);
    for (let length = 0; length < sealed.length; length++) {
      expect(await codeOf(open(ring, context, sealed.slice(0, length)))).toBe(TAMPERED);
    }
    for (const more of ['A', '.', ' ', '\n', '=']) {
      expect(await codeOf(open(ring, context, sealed + more))).toBe(TAMPERED);
    }
  });

  it.each<[string, Partial<EnvelopeContext>]>([
    ['id', { id: 'wiki' }],
    ['namespace', { namespace: 'other' }],
    ['kind', { kind: 'marker' }],
  ])('by a move to another %s is refused', async (_, other) => {
    const sealed = await seal(ring, { ...context, ...other }, content);
    expect(await codeOf(open(ring, context, sealed))).toBe(TAMPERED);
  });

  it('by another key under the same name is distinguished from a key that is not there', async () => {
    const sealed = await seal(ring, context, content);
    expect(await codeOf(open(makeKeyRing([aKey('k1')], 1_000), context, sealed))).toBe(TAMPERED);
    const unknown = open(makeKeyRing([aKey('k2')], 1_000), context, sealed);
    expect(await codeOf(unknown)).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
    const retired = makeKeyRing([aKey('k2')], 1_000, ['k1']);
    await expect(open(retired, context, sealed)).rejects.toThrow(/is retired/);
  });

  it.each<[string, unknown]>([
    ['a record in the clear', JSON.stringify({ certificatePem: 'PEM', isSelfSigned: true })],
    ['an object', { value: {} }],
    ['a number', 5],
    ['null', null],
    ['an empty text', ''],
    ['a megabyte', 'A'.repeat(2 ** 20)],
    ['four dots', '....'],
  ])('planted as %s is refused', async (_, planted) => {
    expect(await codeOf(open(ring, context, planted))).toBe(TAMPERED);
  });

  it('planted as nothing but dots is refused without a look at each part', async () => {
    const before = process.cpuUsage();
    for (let i = 0; i < 20; i++) {
      expect(await codeOf(open(ring, context, '.'.repeat(390_000)))).toBe(TAMPERED);
    }
    // A look at each takes some seconds.
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(600);
  });
});

describe('another JOSE', () => {
  const text = new TextEncoder().encode(JSON.stringify({ v: 1, ...content }));
  const place = { v: 1, ns: context.namespace, kind: context.kind, id: context.id };
  const crit = { crit: { 'mcp-tls': true } };

  it('by PBES2 with a huge count is refused before a hash is computed', async () => {
    const bomb = await new CompactEncrypt(text)
      .setProtectedHeader({ alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', kid: 'k1', p2c: 1_000 })
      .encrypt(new TextEncoder().encode('password'));
    const [header, ...rest] = bomb.split('.');
    const bigger = Buffer.from(header ?? '', 'base64url')
      .toString()
      .replace('1000', '2000000000');
    const envelope = [Buffer.from(bigger).toString('base64url'), ...rest].join('.');
    const before = process.cpuUsage();
    expect(await codeOf(open(ring, context, envelope))).toBe(TAMPERED);
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(100);
  });

  it.each([
    ['A128GCM', { enc: 'A128GCM' }, 16],
    ['A256CBC-HS512', { enc: 'A256CBC-HS512' }, 64],
  ])('with %s is refused', async (_, change, bytes) => {
    const header = { alg: 'dir', enc: 'A256GCM', kid: 'k1', crit: ['mcp-tls'], 'mcp-tls': place };
    const other = await new CompactEncrypt(text)
      .setProtectedHeader({ ...header, ...change })
      .encrypt(new Uint8Array(bytes), crit);
    expect(await codeOf(open(ring, context, other))).toBe(TAMPERED);
  });

  it.each<[string, Record<string, unknown>]>([
    ['without the critical parameter', { crit: undefined, 'mcp-tls': undefined }],
    ['with one parameter more', { typ: 'JWE' }],
    ['with a critical parameter more', { crit: ['mcp-tls', 'exp'], exp: 1 }],
    ['with the place of another format', { 'mcp-tls': { ...place, v: 2 } }],
    ['with compression', { zip: 'DEF' }],
  ])('%s is refused, under the right key too', async (_, change) => {
    const header = JSON.parse(
      JSON.stringify({
        alg: 'dir',
        enc: 'A256GCM',
        kid: 'k1',
        crit: ['mcp-tls'],
        'mcp-tls': place,
        ...change,
      }),
    );
    const understood = { crit: { 'mcp-tls': true, exp: true } };
    const other = await new CompactEncrypt(text)
      .setProtectedHeader(header)
      .encrypt(key.key, understood)
      // jose itself refuses to compress: then the header alone is what is tried.
      .catch(async () => {
        const sealed = await seal(ring, context, content);
        const forged = Buffer.from(JSON.stringify(header)).toString('base64url');
        return [forged, ...sealed.split('.').slice(1)].join('.');
      });
    expect(await codeOf(open(ring, context, other))).toBe(TAMPERED);
  });

  it.each([
    ['a line break', 'x\n\u001b[2JFAKE LOG LINE'],
    ['a path', '../../etc/passwd'],
    ['any length', 'x'.repeat(200_000)],
  ])('with a key id of %s is refused before anybody is asked for the key', async (_what, kid) => {
    const asked: string[] = [];
    const provider = {
      currentKey: async () => ({ id: 'k1', key: randomBytes(32) }),
      keyById: async (id: string) => void asked.push(id),
    };
    const ring = makeKeyRing(provider as never, 200);
    const sealed = await seal(ring, context, content);
    const header = JSON.parse(Buffer.from(sealed.split('.')[0] ?? '', 'base64url').toString());
    const forged = Buffer.from(JSON.stringify({ ...header, kid })).toString('base64url');
    const envelope = [forged, ...sealed.split('.').slice(1)].join('.');
    const error = await open(ring, context, envelope).catch((e: unknown) => e);
    expect(error).toMatchObject({ code: 'MCP_TLS_STORE_TAMPERED', keyId: undefined });
    expect((error as Error).message.length).toBeLessThan(200);
    expect(asked).toEqual([]);
  });

  it('in JSON serialization is refused', async () => {
    const general = await new GeneralEncrypt(text)
      .setProtectedHeader({ enc: 'A256GCM' })
      .addRecipient(key.key)
      .setUnprotectedHeader({ alg: 'dir' })
      .encrypt();
    expect(await codeOf(open(ring, context, JSON.stringify(general)))).toBe(TAMPERED);
  });

  it.each<[string, unknown]>([
    ['another format', { ...content, v: 2 }],
    ['one field more', { v: 1, ...content, extra: 1 }],
    ['no value', { v: 1, revision: 1, sealedAt: 1 }],
    ['a revision that is none', { v: 1, ...content, revision: 1.5 }],
    ['nothing but a text', 'text'],
    ['null', null],
  ])('with %s inside is not understood', async (_, inside) => {
    const header = { alg: 'dir', enc: 'A256GCM', kid: 'k1', crit: ['mcp-tls'], 'mcp-tls': place };
    const other = await new CompactEncrypt(new TextEncoder().encode(JSON.stringify(inside)))
      .setProtectedHeader(header)
      .encrypt(key.key, crit);
    expect(await codeOf(open(ring, context, other))).toBe('MCP_TLS_STORE_INVALID_RECORD');
  });
});

describe('errors', () => {
  it('hold neither keys nor content', async () => {
    const sealed = await seal(ring, context, content);
    for (const keys of [[aKey('k1')], [aKey('k2')]]) {
      const error = await open(makeKeyRing(keys, 1_000), context, sealed).catch((e) => e);
      const shown = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error);
      expect(shown).not.toContain('sesame');
      for (const form of ['hex', 'base64', 'base64url'] as const) {
        for (const { key: bytes } of [...keys, key])
          expect(shown).not.toContain(bytes.toString(form));
      }
    }
  });
});
