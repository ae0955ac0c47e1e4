import type { RecordPage, RowHead } from './store-backend.js';

/** What a backend of an application may answer. Another form says nothing of what is stored, nor of damage. */

/** As many texts, or `undefined` for a key that is not there, as there are keys. @throws otherwise */
export function checkRows(
  answer: unknown,
  keys: readonly string[],
): readonly (string | undefined)[] {
  if (!Array.isArray(answer) || answer.length !== keys.length) otherForm('as many rows as keys');
  for (let i = 0; i < answer.length; i++) {
    // A hole is no `undefined` that somebody has answered.
    const isRow = i in answer && (answer[i] === undefined || typeof answer[i] === 'string');
    if (!isRow) otherForm('texts, and undefined for what is not there');
  }
  return answer;
}

/** As many digests as there are keys, or `undefined` for all of them. @throws otherwise */
export function checkDigests(
  answer: unknown,
  keys: readonly string[],
): readonly (string | undefined)[] | undefined {
  return answer === undefined ? undefined : checkRows(answer, keys);
}

/** As many heads as there are keys, or `undefined` for all of them. @throws otherwise */
export function checkHeads(
  answer: unknown,
  keys: readonly string[],
): readonly (RowHead | undefined)[] | undefined {
  if (answer === undefined) return undefined;
  if (!Array.isArray(answer) || answer.length !== keys.length) otherForm('as many heads as keys');
  for (let i = 0; i < answer.length; i++) {
    if (i in answer && answer[i] === undefined) continue;
    const { digest, head } = (answer[i] ?? {}) as Partial<RowHead>;
    if (typeof digest !== 'string' || typeof head !== 'string') otherForm('{ digest, head }');
  }
  return answer;
}

/** Texts, each once. @throws otherwise */
export function checkKeys(answer: unknown): readonly string[] {
  if (!Array.isArray(answer) || !Array.from(answer).every((key) => typeof key === 'string')) {
    otherForm('a list of keys');
  }
  if (new Set(answer).size !== answer.length) otherForm('each key once');
  return answer;
}

/** @throws for what is no page of at most `limit` ids after `after`, and no `undefined` */
export function checkPage(
  answer: unknown,
  after: string | undefined,
  limit: number,
): RecordPage | undefined {
  if (answer === undefined) return undefined;
  const { ids, left } = (answer ?? {}) as Partial<RecordPage>;
  const isCount = Number.isSafeInteger(left) && (left as number) >= 0;
  if (!Array.isArray(ids) || ids.length > limit || !isCount) otherForm('{ ids, left }');
  const before = [after ?? '', ...(ids as readonly unknown[])];
  const isSorted = ids.every((id, i) => typeof id === 'string' && id > (before[i] as string));
  // What is left is after something.
  if (!isSorted || (ids.length === 0 && left !== 0))
    otherForm('ids in their order, and how many are left');
  return answer as RecordPage;
}

/** @throws for what is not `true` or `false` */
export function checkReplaced(answer: unknown): boolean {
  return typeof answer === 'boolean' ? answer : otherForm('true or false');
}

/** Without what was answered: it may be a record. */
function otherForm(wanted: string): never {
  throw new Error(`it answered in another form than ${wanted}`);
}
