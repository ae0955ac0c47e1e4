import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { open, seal } from '../../../src/store/envelope.js';
import { createSalt, wrappedKeyProvider } from '../../../src/store/index.js';
import { type KeyRingInput, makeKeyRing } from '../../../src/store/key-ring.js';
import { aKey, codeOf } from './support.js';

const context = { namespace: 'n', kind: 'record', id: 'x' } as const;
const content = { revision: 1, sealedAt: 1, value: 'v' };
const ringOf = (input: KeyRingInput) => makeKeyRing(input, 200);
const salt = 'AAAAAAAAAAAAAAAAAAAAAA';
const passphrase = 'correct horse battery staple';

describe('a key ring', () => {
  it('writes with the first key and reads with all', async () => {
    const [a, b] = [aKey('a'), aKey('b')];
    const byA = await seal(ringOf([a, b]), context, content);
    const byB = await seal(ringOf([b, a]), context, content);
    expect(JSON.parse(Buffer.from(byA.split('.')[0] ?? '', 'base64url').toString()).kid).toBe('a');
    expect(await open(ringOf([b, a]), context, byA)).toEqual(content);
    expect(await open(ringOf([a, b]), context, byB)).toEqual(content);
    expect(await codeOf(open(ringOf([a]), context, byB))).toBe('MCP_TLS_STORE_UNKNOWN_KEY');
  });

  it.each(['base64', 'base64url', 'bytes'] as const)('takes a key as %s', async (form) => {
    const { id, key } = aKey();
    const given = form === 'bytes' ? new Uint8Array(key) : key.toString(form);
    const sealed = await seal(ringOf([{ id, key: given }]), context, content);
    expect(await open(ringOf([{ id, key }]), context, sealed)).toEqual(content);
  });

  it('looks at a key of any length in no time', () => {
    const before = process.cpuUsage();
    for (const key of [`${'='.repeat(200_000)}x`, 'A'.repeat(200_000), ` ${'='.repeat(200_000)}`]) {
      expect(() => ringOf([{ id: 'k', key }])).toThrow(/32 bytes/);
    }
    expect(process.cpuUsage(before).user / 1000).toBeLessThan(1_000);
  });

  it('derives a key from a passphrase, the same one in every process', async () => {
    const entry = { id: 'p', passphrase, salt, cost: 15 };
    const sealed = await seal(ringOf([entry]), context, content);
    expect(await open(ringOf([{ ...entry }]), context, sealed)).toEqual(content);
    for (const other of [{ salt: createSalt() }, { passphrase: `${passphrase}.` }, { cost: 16 }]) {
      const ring = ringOf([{ ...entry, ...other }]);
      expect(await codeOf(open(ring, context, sealed))).toBe('MCP_TLS_STORE_TAMPERED');
    }
    // NFC and NFD of one passphrase.
    const [nfc, nfd] = ['Ätzende Sitzung 1', 'A\u0308tzende Sitzung 1'];
    const byNfc = await seal(ringOf([{ ...entry, passphrase: nfc }]), context, content);
    expect(await open(ringOf([{ ...entry, passphrase: nfd }]), context, byNfc)).toEqual(content);
  });

  it.each<[string, unknown]>([
    ['no keys', []],
    ['null', null],
    ['a text', 'secret'],
    ['a key of 31 bytes', [{ id: 'a', key: randomBytes(31) }]],
    ['a key of 33 bytes', [{ id: 'a', key: randomBytes(33) }]],
    ['a key that is a short text', [{ id: 'a', key: 'secret' }]],
    ['a key in hex', [{ id: 'a', key: randomBytes(32).toString('hex') }]],
    ['a key that is unset', [{ id: 'a', key: undefined }]],
    ['an empty id', [{ id: '', key: randomBytes(32) }]],
    ['an id with a blank', [{ id: 'a b', key: randomBytes(32) }]],
    ['two keys of one id', [aKey('a'), aKey('a')]],
    ['the old form', { keys: [aKey('a')], retired: ['a'] }],
    ['an unknown field', [{ ...aKey('a'), alg: 'A256GCM' }]],
    ['a short passphrase', [{ id: 'p', passphrase: 'fifteen letters', salt }]],
    ['a short salt', [{ id: 'p', passphrase, salt: 'AAAA' }]],
    ['a low cost', [{ id: 'p', passphrase, salt, cost: 10 }]],
  ])('refuses %s', async (_, input) => {
    expect(await codeOf(() => ringOf(input as KeyRingInput))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it('refuses a key that is retired, and retired keys beside a provider', async () => {
    const retired = async (input: KeyRingInput) => codeOf(() => makeKeyRing(input, 1_000, ['a']));
    expect(await retired(aKey('a'))).toBe('MCP_TLS_INVALID_ARGUMENT');
    const provider = { currentKey: async () => aKey('b'), keyById: async () => undefined };
    expect(await retired(provider)).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it('shows no key when it is printed, and none in its errors', async () => {
    const key = aKey('visible-id');
    const ring = ringOf([key, { id: 'p', passphrase, salt }]);
    const shown = [
      inspect(ring, { depth: 9, showHidden: true }),
      JSON.stringify(ring),
      inspect(await ring.writer(), { depth: 9, showHidden: true }),
      String(await ring.reader('nope').catch((error) => inspect(error, { depth: 9 }))),
      ...[
        { id: 'a', key: 'my-secret' },
        { id: 'p', passphrase: 'my-secret', salt },
      ].map((bad) => {
        try {
          return String(ringOf([bad as never]));
        } catch (error) {
          return inspect(error, { depth: 9 });
        }
      }),
    ].join('\n');
    expect(shown).toContain('visible-id');
    for (const secret of [
      ...(['hex', 'base64', 'latin1'] as const).map((f) => key.key.toString(f)),
      passphrase,
      'my-secret',
      key.key.toString('hex').replace(/(..)/g, '$1 ').trim(),
    ]) {
      expect(shown).not.toContain(secret);
    }
    // What is given out has an id and uses, and no key that could be exported, not even by mistake.
    expect(Object.getOwnPropertyNames(await ring.writer())).toEqual(['id']);
  });
});

describe('a key provider', () => {
  const master = randomBytes(32);
  const wrapped = () =>
    wrappedKeyProvider({
      async wrap(dataKey) {
        const iv = randomBytes(12);
        const cipher = createCipheriv('aes-256-gcm', master, iv);
        return Buffer.concat([iv, cipher.update(dataKey), cipher.final(), cipher.getAuthTag()]);
      },
      async unwrap(bytes) {
        const blob = Buffer.from(bytes);
        const decipher = createDecipheriv('aes-256-gcm', master, blob.subarray(0, 12), {
          authTagLength: 16,
        }).setAuthTag(blob.subarray(-16));
        return Buffer.concat([decipher.update(blob.subarray(12, -16)), decipher.final()]);
      },
    });

  it('that wraps: a key of one process is read by another', async () => {
    const sealed = await seal(ringOf(wrapped()), context, content);
    expect(await open(ringOf(wrapped()), context, sealed)).toEqual(content);
  });

  it('is asked once for each key', async () => {
    const key = randomBytes(32);
    let asked = 0;
    const provider = {
      currentKey: async () => ({ id: 'a', key }),
      async keyById() {
        asked++;
        return key;
      },
    };
    const sealed = await seal(ringOf(provider), context, content);
    const ring = ringOf(provider);
    for (let i = 0; i < 5; i++) await open(ring, context, sealed);
    expect(asked).toBe(1);
  });

  it('is asked once for a key that many records wait for', async () => {
    const key = randomBytes(32);
    let asked = 0;
    const provider = {
      currentKey: async () => ({ id: 'a', key }),
      async keyById() {
        asked++;
        await sleep(20);
        return key;
      },
    };
    const sealed = await seal(ringOf(provider), context, content);
    const ring = ringOf(provider);
    await Promise.all(Array.from({ length: 50 }, () => open(ring, context, sealed)));
    expect(asked).toBe(1);
  });

  it('that wraps and hangs once blocks no later write', async () => {
    let [calls, aborted] = [0, 0];
    const provider = wrappedKeyProvider({
      timeoutMs: 60,
      wrap(dataKey, { signal }) {
        signal.addEventListener('abort', () => aborted++);
        return calls++ === 0 ? new Promise(() => {}) : Promise.resolve(dataKey);
      },
      unwrap: async (bytes) => bytes,
    });
    const ring = ringOf(provider);
    expect(await codeOf(seal(ring, context, content))).toBe('MCP_TLS_STORE_UNAVAILABLE');
    expect(await open(ring, context, await seal(ring, context, content))).toEqual(content);
    expect([calls, aborted]).toEqual([2, 1]);
  });

  it.each(['is down', 'hangs'])(
    'that wraps, and whose service %s, writes on with the data key that it has',
    async (trouble) => {
      let [up, calls] = [true, 0];
      const provider = wrappedKeyProvider({
        renewMs: 30,
        timeoutMs: 50,
        wrap(dataKey) {
          calls++;
          if (up) return Promise.resolve(dataKey);
          return trouble === 'hangs' ? new Promise(() => {}) : Promise.reject(new Error('503'));
        },
        unwrap: async (bytes) => bytes,
      });
      const ring = ringOf(provider);
      const first = await ring.writer();
      up = false;
      await sleep(40);
      for (let i = 0; i < 5; i++) expect((await ring.writer()).id).toBe(first.id);
      await sleep(60);
      expect((await ring.writer()).id).toBe(first.id);
      // It is not asked again with every write.
      expect(calls).toBe(2);
    },
  );

  it('that fails says why', async () => {
    const why = () => Promise.reject(new Error('403: access denied'));
    const ring = ringOf({ currentKey: why, keyById: why });
    await expect(ring.writer()).rejects.toThrow(/403: access denied/);
  });

  it.each<[string, unknown, string]>([
    ['fails', () => Promise.reject(new Error('KMS is down')), 'MCP_TLS_STORE_UNAVAILABLE'],
    [
      'throws',
      () => {
        throw new Error('KMS is down');
      },
      'MCP_TLS_STORE_UNAVAILABLE',
    ],
    ['hangs', () => new Promise(() => {}), 'MCP_TLS_STORE_UNAVAILABLE'],
    ['gives half a key', async () => randomBytes(16), 'MCP_TLS_STORE_UNAVAILABLE'],
    ['gives null', async () => null, 'MCP_TLS_STORE_UNAVAILABLE'],
    ['knows no such key', async () => undefined, 'MCP_TLS_STORE_UNKNOWN_KEY'],
    ['gives another key', async () => randomBytes(32), 'MCP_TLS_STORE_TAMPERED'],
  ])('that %s: %s', async (_, keyById, code) => {
    const sealed = await seal(ringOf([aKey('a')]), context, content);
    const ring = ringOf({ currentKey: keyById, keyById } as never);
    expect(await codeOf(open(ring, context, sealed))).toBe(code);
  });
});
