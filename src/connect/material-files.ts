import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidArgument } from '../assert.js';

/** As many as all certificates of a policy together may have. */
const MAX_BYTES = 8 * 1024 * 1024;

/** Reads the files that a configuration names, relative to a folder. */
export class MaterialFiles {
  readonly #base: string | undefined;

  /** @param base a path or a `file:` URL; without it nothing is read */
  constructor(base: string | URL | undefined) {
    this.#base = readBase(base);
  }

  /**
   * PEM as text, DER as bytes. No message repeats the path or anything of the content.
   *
   * @param field for the message
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
   */
  read(field: string, path: string): string | Uint8Array {
    if (this.#base === undefined) {
      invalidArgument(
        `${field} names a file, and there is no folder to read files from`,
        'Give the option `base`, where the operator alone writes this configuration; otherwise give the certificate itself.',
      );
    }
    if (path === '' || path.includes('\0')) invalidArgument(`${field} must be a path`);
    const bytes = readRegular(field, resolve(this.#base, path));
    if (bytes.length === 0) invalidArgument(`${field}: the file is empty`);
    return bytes[0] === 0x30 ? new Uint8Array(bytes) : bytes.toString('utf8');
  }
}

function readBase(base: string | URL | undefined): string | undefined {
  if (base === undefined) return undefined;
  try {
    const isUrl = base instanceof URL || (typeof base === 'string' && base.startsWith('file:'));
    const path = isUrl ? fileURLToPath(base) : base;
    if (typeof path === 'string' && /^(?![a-z][a-z0-9+.-]*:\/\/)[^\0]+$/is.test(path)) return path;
  } catch {
    // Not a file: URL.
  }
  return invalidArgument('parseTrust: base must be the path or file: URL of a folder');
}

function readRegular(field: string, path: string): Buffer {
  let file: number | undefined;
  try {
    // A pipe that nobody writes to would be waited for.
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const stats = fstatSync(file);
    if (!stats.isFile()) throw Object.assign(new Error(), { code: 'not a file' });
    if (stats.size > MAX_BYTES) throw Object.assign(new Error(), { code: 'more than 8 MiB' });
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return invalidArgument(
      `${field}: the file cannot be read (${code ?? 'unknown'})`,
      'Paths are relative to the option `base`.',
    );
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
