import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isNamespace, recordId, recordKey } from '../../../src/store/record-key.js';
import { codeOf } from './support.js';

const ids = fc
  .string({ minLength: 1, unit: 'binary' })
  .filter((id) => Buffer.byteLength(id) <= 128 && !/\p{Surrogate}/u.test(id));

describe('the key of a record', () => {
  it('gives the id back', () => {
    fc.assert(
      fc.property(ids, (id) => recordId(recordKey(id)) === id),
      { numRuns: 2_000 },
    );
  });

  it('is the only text that its id is read from', () => {
    const texts = fc.string({
      maxLength: 40,
      unit: fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'),
    });
    fc.assert(
      fc.property(texts, (text) => {
        const id = recordId(text);
        return id === undefined || recordKey(id) === text;
      }),
      { numRuns: 20_000 },
    );
    // Each id's last character, exchanged for every other.
    fc.assert(
      fc.property(ids, fc.constantFrom(...'abcdefghijklmnopqrstuvwxyz234567'), (id, last) => {
        const read = recordId(recordKey(id).slice(0, -1) + last);
        return read === undefined || recordKey(read) === recordKey(id).slice(0, -1) + last;
      }),
      { numRuns: 5_000 },
    );
  });

  it('is of letters and digits that no backend treats specially, in one case', () => {
    fc.assert(fc.property(ids, (id) => /^[a-z2-7]{1,205}$/.test(recordKey(id))));
    expect(`${'n'.repeat(40)}.${recordKey('x'.repeat(128))}`.length).toBe(246);
  });

  it('differs where ids differ in case, in normalization or by an invisible character', () => {
    const same = ['a', 'A', 'ä', 'a\u0308', 'a\u200b', ' a', 'a ', 'a\0', '__proto__', '../a'];
    expect(new Set(same.map(recordKey)).size).toBe(same.length);
    expect(same.map(recordKey).map(recordId)).toEqual(same);
  });

  it.each(['', 'A', 'b0', '0marker', 'aaa', 'ab', 'zz', 'certificates:aa'])(
    'is not taken from %j, which no id has',
    (key) => expect(recordId(key)).toBeUndefined(),
  );

  it.each<[string, unknown]>([
    ['empty', ''],
    ['no text', 5],
    ['too long', 'x'.repeat(129)],
    ['too long in UTF-8', 'ä'.repeat(65)],
    ['half a character', 'a\ud800'],
  ])('needs an id that is not %s', async (_, id) => {
    expect(await codeOf(() => recordKey(id as string))).toBe('MCP_TLS_INVALID_ARGUMENT');
  });

  it.each(['', 'A', 'a:b', 'a*', '-a', 'a.b', 'a/b', 'x'.repeat(41)])(
    'needs a namespace other than %j',
    async (name) => {
      expect(isNamespace(name)).toBe(false);
    },
  );
});
