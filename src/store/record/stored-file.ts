import { isAbsolute } from 'node:path';
import { invalidArgument } from '../../assert.js';
import { fromFile } from '../../connect/from-file.js';
import { type Material, type Source, sourceOf } from '../../trust/source.js';

/** A file that a record names in the place of what is in it. Each process reads its own file of that name. */
export type StoredFile = {
  /** Absolute. */
  readonly file: string;
};

/** Where a record names a file. */
export interface RecordFile {
  /** Such as `ca`, `crl`, `clientCertificate.key`, or `origins['https://auth.example'].ca`. */
  readonly field: string;
  /** Absolute path, as the process sees it that reads it. */
  readonly file: string;
}

export function isStoredFile(value: unknown): value is StoredFile {
  if (typeof value !== 'object' || value === null) return false;
  return Object.hasOwn(value, 'file') && Object.keys(value).length === 1;
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for what is no absolute path */
export function sourceOfFile({ file }: StoredFile): Material {
  if (typeof file !== 'string' || !isAbsolute(file)) {
    invalidArgument('record.trust names a file by something else than an absolute path');
  }
  return fromFile(file);
}

/** @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` for a function: it is of one process, and ends with it */
export function fileOfSource({ path }: Source): StoredFile {
  if (path === undefined) {
    return invalidArgument(
      'trust names a function, and a record holds certificates and keys themselves, or names files',
      'Give what the function gives, and call update() when it changes; or have it written to a file, and give fromFile(path).',
    );
  }
  return { file: path };
}

/** Each of what may be a list: sources as their names, the rest as `rest` has it. */
export function eachStored<T>(
  value: unknown,
  rest: (value: string | Uint8Array) => readonly T[],
): readonly (T | StoredFile)[] {
  const all = (Array.isArray(value) ? value : [value]) as readonly Material[];
  return all.flatMap((one): readonly (T | StoredFile)[] => {
    const source = sourceOf(one);
    return source === undefined ? rest(one as string | Uint8Array) : [fileOfSource(source)];
  });
}
