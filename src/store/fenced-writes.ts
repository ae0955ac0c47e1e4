import { randomBytes } from 'node:crypto';
import { fsync } from 'node:fs';
import { mkdir, open, readdir, rename, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pauseAfterRace } from './pause-after-race.js';
import { readWhole } from './read-together.js';
import { NotWrittenError } from './store-backend.js';

/** By the descriptor: the FileHandle of Yarn Plug'n'Play has no `sync()`. */
const flush = promisify(fsync);

/** Writes to the files of one directory, safe against every other process that writes there. */
export interface FencedWrites {
  /**
   * Puts `value` into the file if that still holds `expected` (`undefined`: if it is not there).
   *
   * @returns `false`: it does not, nothing was changed
   * @throws {NotWrittenError} if nothing was changed; another error if that is not known
   */
  replace(file: string, expected: string | undefined, value: string): Promise<boolean>;
  /** The same, whatever the file holds. */
  write(file: string, value: string): Promise<void>;
}

const GIVE_UP_MS = 4_000;
/** Nobody prepares a write for so long. */
const LEFT_OVER_MS = 600_000;
const SWEEP_EVERY_MS = 60_000;

/**
 * A file is replaced by renaming a draft over it, so that a reader sees one or the other whole, and the
 * disk keeps it before the write is acknowledged.
 *
 * Between the look at the file and the renaming a process may stand still for any time: it is stopped,
 * its machine is suspended, its disk hangs. No lock helps there, for it is either kept for ever or taken
 * away from one that then goes on; and who holds it, and whether that process lives, cannot be seen from
 * another container. So there is none, and the renaming itself fails when another writer was there:
 *
 * 1. each writer puts down a draft of its own, under a name that others find;
 * 2. then it removes the drafts of all others;
 * 3. then it looks at the file;
 * 4. then it renames its draft, which fails if somebody has removed it.
 *
 * Of two writers, one puts its draft down first, and the other finds it (in 2) unless it is renamed
 * already. Whoever removes before the other renames has ended that write; whoever removes after it looks
 * (in 3) at what the other wrote. Either way nobody writes over what it did not see.
 *
 * Drafts lie in a directory `writing` of their own, which stays small, and so does looking through it.
 */
export function makeFencedWrites(directory: string): FencedWrites {
  const writing = join(directory, 'writing');
  let sweepAt = 0;

  /** @param expected `null`: whatever it holds */
  async function put(
    file: string,
    expected: string | undefined | null,
    value: string,
  ): Promise<boolean> {
    const giveUp = performance.now() + GIVE_UP_MS;
    // Some in any case: time also passes while this process stands still.
    for (let attempt = 0; attempt < 3 || performance.now() < giveUp; attempt++) {
      const done = await once(file, expected, value);
      if (done !== undefined) return done;
      await pauseAfterRace(attempt);
    }
    const reason = new Error('other processes wrote the same record all the time');
    throw new NotWrittenError('unreachable', reason);
  }

  /** @returns `undefined` if another writer removed the draft: nothing was changed */
  async function once(
    file: string,
    expected: string | undefined | null,
    value: string,
  ): Promise<boolean | undefined> {
    const unique = randomBytes(8).toString('hex');
    // Under this name no other writer looks for it: flushing it to the disk takes the longest, and it
    // is found, and may be removed, only for the moment that the rest takes.
    const prepared = join(writing, `${unique}.prepared`);
    const draft = join(writing, draftName(file, unique));
    let left: string | undefined = prepared;
    try {
      await notWritten(() => prepare(prepared, value));
      if (!(await notWritten(() => renameOver(prepared, draft)))) return undefined;
      left = draft;
      await notWritten(() => removeOthers(file, draft));
      const holds = await notWritten(() => readWhole(join(directory, file)));
      if (expected !== null && holds !== expected) return false;
      if (!(await renameOver(draft, join(directory, file)))) return undefined;
      left = undefined;
    } finally {
      if (left !== undefined) await unlink(left).catch(() => {});
    }
    await flushDirectory(directory);
    return true;
  }

  async function prepare(path: string, value: string): Promise<void> {
    const handle = await open(path, 'wx', 0o600).catch(async (error) => {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      await mkdir(writing, { mode: 0o700 }).catch(unlessThere);
      return open(path, 'wx', 0o600);
    });
    try {
      await handle.writeFile(value);
      await flush(handle.fd);
    } finally {
      await handle.close();
    }
  }

  async function removeOthers(file: string, draft: string): Promise<void> {
    const names = await readdir(writing);
    for (const name of names) {
      const path = join(writing, name);
      if (isDraftOf(file, name) && path !== draft) await unlink(path).catch(unlessGone);
    }
    await sweep(names);
  }

  /** What killed processes left behind. To remove what is in use would cost its writer an attempt. */
  async function sweep(names: readonly string[]): Promise<void> {
    if (performance.now() < sweepAt) return;
    sweepAt = performance.now() + SWEEP_EVERY_MS;
    for (const name of names) {
      const path = join(writing, name);
      const age = await stat(path).then(
        ({ mtimeMs }) => Date.now() - mtimeMs,
        () => 0,
      );
      if (age > LEFT_OVER_MS) await unlink(path).catch(() => {});
    }
  }

  return {
    replace: put,
    async write(file, value) {
      await put(file, null, value);
    },
  };
}

const draftName = (file: string, unique: string): string => `${file}.${unique}.draft`;

/** What stands before the last two points is the file's name. */
const isDraftOf = (file: string, name: string): boolean =>
  name.startsWith(`${file}.`) && /^[0-9a-f]+\.draft$/.test(name.slice(file.length + 1));

/** @returns `false` if the file is not there any more */
async function renameOver(draft: string, file: string): Promise<boolean> {
  try {
    await rename(draft, file);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    // Others may come from a disk that fails in the middle.
    if (REFUSALS.has(String(code))) throw new NotWrittenError('refused', error);
    throw error;
  }
}

/** Windows has no way to flush a directory, and needs none. */
async function flushDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await flush(directory.fd);
  } finally {
    await directory.close();
  }
}

/** Whatever fails before the renaming has not written. */
export async function notWritten<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof NotWrittenError) throw error;
    const refused = REFUSALS.has(String((error as NodeJS.ErrnoException).code));
    throw new NotWrittenError(refused ? 'refused' : 'unreachable', error);
  }
}

const REFUSALS: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM']);

function unlessGone(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function unlessThere(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error;
}
