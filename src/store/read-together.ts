import { type FileHandle, open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * The contents of `names` in `directory`, all of them in the **same** directory: one may be renamed away
 * while it is read, and another stand in its place, as a restore or a remount does it. A file that is
 * not there is a miss only if that is so.
 *
 * @throws if the directory is not there, or was exchanged all the time
 */
export async function readTogether(
  directory: string,
  names: readonly string[],
): Promise<readonly (string | undefined)[]> {
  const rows = await readAll(directory, names);
  // Whatever is there is there. Only what is missing has to be proven.
  if (!rows.includes(undefined)) return rows;
  const handle = await open(directory, 'r');
  try {
    return (await readIn(handle, names)) ?? (await readBetween(directory, names));
  } finally {
    await handle.close();
  }
}

/** Linux: a path through the open directory leads into it, wherever it is by now. */
async function readIn(
  handle: FileHandle,
  names: readonly string[],
): Promise<readonly (string | undefined)[] | undefined> {
  const path = `/proc/self/fd/${handle.fd}`;
  const [there, wanted] = await Promise.all([
    stat(path, { bigint: true }).catch(() => undefined),
    handle.stat({ bigint: true }),
  ]);
  if (there?.ino !== wanted.ino || there.dev !== wanted.dev) return undefined;
  return readAll(path, names);
}

const MAX_LOOKS = 5;

/** Elsewhere: between two looks at the directory, whose times change when it is renamed. */
async function readBetween(
  directory: string,
  names: readonly string[],
): Promise<readonly (string | undefined)[]> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const before = await stat(directory, { bigint: true });
    const rows = await readAll(directory, names);
    const after = await stat(directory, { bigint: true });
    const same = before.ino === after.ino && before.dev === after.dev;
    if (same && before.ctimeNs === after.ctimeNs) return rows;
  }
  throw new Error('the directory was changed all the time while it was read');
}

function readAll(
  directory: string,
  names: readonly string[],
): Promise<readonly (string | undefined)[]> {
  return Promise.all(names.map((name) => readWhole(join(directory, name))));
}

/** Only a file that is not there is a miss. One that may not be opened is an error. */
export async function readWhole(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
