import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeErrorTables } from '../../scripts/error-tables.js';

/** The tables of docs/errors.md are made from the words in src/errors: `npm run docs:errors`. */

const ROOT = join(import.meta.dirname, '../..');
const text = readFileSync(join(ROOT, 'docs/errors.md'), 'utf8');
const codes = readFileSync(join(ROOT, 'src/errors/codes.ts'), 'utf8');

describe('docs/errors.md', () => {
  it('is made from the words of the source', () => {
    expect(text === writeErrorTables(text) ? '' : 'run: npm run docs:errors').toBe('');
  });

  it('lists every error code of the source, and no other', () => {
    const union = new Set(codes.match(/(?<=')MCP_TLS_\w+(?=')/g));
    const listed = new Set(text.match(/(?<=^\| `)MCP_TLS_\w+(?=`)/gm));
    expect(union.size).toBeGreaterThan(40);
    expect([...listed].sort()).toEqual([...union].sort());
  });

  it('would not pass with a word changed by hand', () => {
    expect(writeErrorTables(text.replace('does not speak TLS', 'speaks no TLS'))).toBe(text);
    expect(() => writeErrorTables('# Errors')).toThrow('tables');
  });
});
