import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { MUTATIONS } from '../../scripts/mutation-list.js';

const ROOT = join(import.meta.dirname, '../..');
const textOf = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

it('every guard that test:mutations disables stands once in its file', () => {
  const lost = MUTATIONS.filter(({ file, find }) => textOf(file).split(find).length !== 2);
  expect(lost.map(({ id }) => id)).toEqual([]);
});

it('every test file that holds a guard is there', () => {
  const files = MUTATIONS.flatMap(({ tests }) => tests).filter((one) => /\.ts$/.test(one));
  expect(files.length).toBeGreaterThan(20);
  expect([...new Set(files)].filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
});
