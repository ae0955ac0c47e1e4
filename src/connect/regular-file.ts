import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';

/** As many as all certificates of a policy together may have. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * The bytes of a regular file of no more than 8 MiB. Waits for nobody: of a pipe or a device there are none.
 *
 * @param links whether a symlink in the file's place is followed
 * @throws an error with a `code` that says why, and nothing of the path
 */
export function readRegularFile(path: string, links: 'followed' | 'refused'): Buffer {
  let file: number | undefined;
  try {
    // A pipe that nobody writes to would be waited for.
    const { O_RDONLY, O_NONBLOCK = 0, O_NOFOLLOW = 0 } = constants;
    file = openSync(path, O_RDONLY | O_NONBLOCK | (links === 'refused' ? O_NOFOLLOW : 0));
    const stats = fstatSync(file);
    if (!stats.isFile()) throw Object.assign(new Error(), { code: 'not a file' });
    if (stats.size > MAX_BYTES) throw tooLarge();
    const bytes = readFileSync(file);
    // Some file systems, such as /proc, say that a file is empty; and it may grow while it is read.
    if (bytes.length > MAX_BYTES) throw tooLarge();
    return bytes;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function tooLarge(): Error {
  return Object.assign(new Error(), { code: 'more than 8 MiB' });
}

/** DER as bytes, anything else as text. */
export function asMaterial(bytes: Buffer): string | Uint8Array {
  return bytes[0] === 0x30 ? new Uint8Array(bytes) : bytes.toString('utf8');
}

export function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
