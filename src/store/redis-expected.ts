/**
 * What a script in Redis compares with the row that is there: `[how, what]`, to be used with {@link IS_EXPECTED}.
 *
 * A row that is not UTF-8 was read with U+FFFD in the place of bytes, and such a text equals no row. Nothing that
 * was sealed has that character in it, but what a withdrawal finds may have. Then the bytes are compared by their
 * SHA-1, as it was computed in the step in which they were read as that text.
 *
 * @param find reads the row by a script that ends with {@link FOUND}
 * @returns `undefined` if it is another row meanwhile
 */
export async function expectationOf(
  expected: string | undefined,
  find: () => Promise<unknown>,
): Promise<readonly [how: string, what: string] | undefined> {
  if (expected === undefined) return ['0', ''];
  if (!expected.includes('\uFFFD')) return ['1', expected];
  const [row, digest] = (await find()) as readonly (string | null)[];
  return row === expected && typeof digest === 'string' ? ['2', digest] : undefined;
}

/** Of `now`, a row in a script. */
export const FOUND = 'return { now, now and redis.sha1hex(now) }';

/** A function of a script: whether `now` is as {@link expectationOf} says. */
export const IS_EXPECTED = `
local function isExpected(now, how, what)
  if how == '0' then return not now end
  return now and (how == '2' and redis.sha1hex(now) or now) == what
end`;
