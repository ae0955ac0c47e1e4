/**
 * Writes the tables of docs/errors.md from the words in src/errors.
 *
 *   npm run docs:errors
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeErrorTables } from './error-tables.js';

const DOCUMENT = join(import.meta.dirname, '../docs/errors.md');

await writeFile(DOCUMENT, writeErrorTables(await readFile(DOCUMENT, 'utf8')));
