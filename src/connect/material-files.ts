import { realpathSync } from 'node:fs';
import { dirname, isAbsolute, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { invalidArgument } from '../assert.js';
import { type Kind, readBy, refuse } from '../options.js';
import { asMaterial, readRegularFile, reasonOf } from './regular-file.js';

const BASE_MUST = 'the path or file: URL of a folder';

/** What the option `base` must be. Gives a path. */
export const BASE: Kind<string | URL> = readBy<string | URL>(BASE_MUST, (value, whose) => {
  try {
    const isUrl = value instanceof URL || (typeof value === 'string' && value.startsWith('file:'));
    const path = isUrl ? fileURLToPath(value) : value;
    if (typeof path === 'string' && /^(?![a-z][a-z0-9+.-]*:\/\/)[^\0]+$/is.test(path)) return path;
  } catch {
    // Not a file: URL.
  }
  return refuse(whose, BASE_MUST, value);
});

/**
 * What a configuration names outside of itself: files below a folder, and environment variables. Without a
 * folder neither is looked at: whoever writes the configuration may then be anybody.
 *
 * A file is below the folder if its real path is below the folder's real path. Others are refused before they
 * are opened, and in the same words whether they are there or not.
 */
export class MaterialFiles {
  readonly #base: string | undefined;

  /** @param base a path that {@link BASE} gave */
  constructor(base: string | undefined) {
    this.#base = base;
  }

  /**
   * PEM as text, DER as bytes. No message repeats the path or anything of the content.
   *
   * @param field for the message
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
   */
  read(field: string, path: string): string | Uint8Array {
    const base = this.#given(`${field} names a file, and there is no folder to read files from`);
    if (path === '' || path.includes('\0')) invalidArgument(`${field} must be a path`);
    if (isAbsolute(path)) invalidArgument(`${field} must be a relative path${BELOW}`, ELSEWHERE);
    const bytes = readBelow(field, base, path);
    if (bytes.length === 0) invalidArgument(`${field}: the file is empty`);
    return asMaterial(bytes);
  }

  /**
   * The value of an environment variable.
   *
   * @param field for the message
   * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT`
   */
  readEnv(field: string, variable: string): string {
    this.#given(
      `${field} names an environment variable, and those are read with the option \`base\` only`,
    );
    const value = process.env[variable];
    if (value === undefined || value === '') {
      invalidArgument(`${field} names an environment variable that is not set`);
    }
    return value;
  }

  #given(otherwise: string): string {
    if (this.#base !== undefined) return this.#base;
    return invalidArgument(
      otherwise,
      'Give the option `base`, where the operator alone writes this configuration; otherwise give what it names itself.',
    );
  }
}

const BELOW = ', and what it leads to below the option `base`';
const ELSEWHERE =
  'Read a file elsewhere yourself, and give what is in it: `ca` instead of `caFile`.';

function readBelow(field: string, base: string, path: string): Buffer {
  const outside = (): never => invalidArgument(`${field} must be a path${BELOW}`, ELSEWHERE);
  let realBase: string;
  try {
    realBase = realpathSync(base);
  } catch (error) {
    return invalidArgument(
      `${field}: the folder of the option base cannot be read (${reasonOf(error)})`,
    );
  }
  const named = resolve(realBase, path);
  if (!isBelow(realBase, named)) outside();
  let real: string;
  try {
    real = realpathSync(named);
  } catch (error) {
    // What is missing in a folder outside is refused as what is there.
    const nearest = realOfNearest(dirname(named));
    if (nearest !== realBase && !isBelow(realBase, nearest)) outside();
    return unreadable(field, error);
  }
  if (!isBelow(realBase, real)) outside();
  return readReal(field, real);
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

/** The real path of the nearest folder that there is. Ends at the root. */
function realOfNearest(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    try {
      return realpathSync(at);
    } catch {
      if (at === dirname(at)) return at;
    }
  }
}

/** @param path real: a symlink that has taken the file's place since is not followed */
function readReal(field: string, path: string): Buffer {
  try {
    return readRegularFile(path, 'refused');
  } catch (error) {
    return unreadable(field, error);
  }
}

function unreadable(field: string, error: unknown): never {
  return invalidArgument(
    `${field}: the file cannot be read (${reasonOf(error)})`,
    'Paths are relative to the option `base`.',
  );
}
