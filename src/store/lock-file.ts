import { randomBytes } from 'node:crypto';
import { link, readFile, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

/** No write takes so long that is not stuck: its lock is taken away. */
const STALE_MS = 4_000;
const GIVE_UP_MS = 15_000;

/** A lock that is held. */
export interface FileLock {
  /** Whether it still is: another process takes it over from one that stood still too long. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Takes the lock of `file`, a file beside it that can be made only once, and waits while another
 * process has it. One whose process was killed is taken over at once on the same host, and after 4 s
 * from elsewhere (another container over the same volume has other process ids).
 *
 * @throws if it is not to be had in 15 s
 */
export async function lockFile(file: string): Promise<FileLock> {
  const path = `${file}.lock`;
  const own = `${hostname()} ${process.pid} ${randomBytes(8).toString('hex')}`;
  const giveUp = performance.now() + GIVE_UP_MS;
  for (let wait = 1; ; wait = Math.min(wait * 2, 50)) {
    if (await makeLock(path, own)) break;
    await removeStale(path);
    if (performance.now() > giveUp)
      throw new Error('the lock of the record is held by another process');
    await sleep(wait * (0.5 + Math.random()));
  }
  return {
    isHeld: async () => (await contentOf(path)) === own,
    async release() {
      if ((await contentOf(path)) === own) await unlink(path).catch(() => {});
    },
  };
}

/** Whole at once, by a link to a file that is written: a lock never stands there without its holder. */
async function makeLock(path: string, own: string): Promise<boolean> {
  const draft = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(draft, own, { flag: 'wx', mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft).catch(() => {});
  }
}

/**
 * Renames before removing: of several that judge one lock to be stale, one gets it. A lock that was
 * made anew between judging and renaming is put back.
 */
async function removeStale(path: string): Promise<void> {
  const held = await contentOf(path);
  if (held === undefined || !(await isStale(path, held))) return;
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
    if ((await contentOf(aside)) === held) await unlink(aside);
    else await rename(aside, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

async function isStale(path: string, held: string): Promise<boolean> {
  const [host, pid] = held.split(' ');
  if (host === hostname() && !isAlive(Number(pid))) return true;
  try {
    return Date.now() - (await stat(path)).mtimeMs > STALE_MS;
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

async function contentOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
