import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Listings that agree with all before them, of which so many make a list. */
const AGREEING = 2;
const MAX_LISTINGS = 12;

/**
 * The names in a directory in which files are replaced by renaming, but not removed.
 *
 * One listing may miss a file that is replaced while it is made: tmpfs does so, file systems on a disk were not
 * seen to. So it is made again until two in turn hold no other names than all of them together, and what was
 * seen in an earlier list is looked for by its name. What is missed by all of that has been replaced at each of
 * these moments, in a process that has never seen it.
 *
 * @param seen names of earlier lists; those of this one are added
 * @param list for tests
 * @throws if the directory is not there
 */
export async function listWhole(
  path: string,
  seen: Set<string>,
  list: (path: string) => Promise<readonly string[]> = readdir,
): Promise<string[]> {
  const names = new Set<string>();
  for (let made = 0, agreeing = 0; made < MAX_LISTINGS && agreeing < AGREEING; made++) {
    const listing = new Set(await list(path));
    const before = names.size;
    for (const name of listing) names.add(name);
    // The first one agrees with nothing, but is one of the two.
    const agrees = names.size === listing.size && (before === names.size || made === 0);
    agreeing = agrees ? agreeing + 1 : 0;
  }
  // Of this moment: several lists may be made at once.
  for (const name of [...seen]) {
    if (names.has(name)) continue;
    if (await isThere(join(path, name))) names.add(name);
    else seen.delete(name);
  }
  for (const name of names) seen.add(name);
  return [...names];
}

async function isThere(file: string): Promise<boolean> {
  try {
    await access(file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}
