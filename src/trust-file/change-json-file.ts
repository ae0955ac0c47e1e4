import {
  closeSync,
  fchmodSync,
  fsyncSync,
  mkdirSync,
  openSync,
  realpathSync,
  renameSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { invalidArgument } from '../assert.js';
import { reasonOf } from '../connect/regular-file.js';

/** How often, and how long, another writer is waited for. */
const TRIES = 40;
const PAUSE_MS = 50;

/**
 * Replaces a file by what `change` makes of it, whole or not at all: written beside it with mode 0600, flushed, and
 * renamed over it. The draft is made only where there is none, so that two writers come one after the other and
 * neither loses what the other wrote. A symlink stays, and what it leads to is replaced.
 *
 * @param change reads the file as it is now; what it throws changes nothing. Not asynchronous: no other writer
 *   waits for a person
 * @throws {TlsConfigError} `MCP_TLS_INVALID_ARGUMENT` if the file cannot be written
 */
export async function changeJsonFile(path: string, change: () => unknown): Promise<void> {
  const file = realPathOf(path);
  const draft = `${file}.lock`;
  const descriptor = await openDraft(file, draft);
  try {
    try {
      const text = `${JSON.stringify(change(), undefined, 2)}\n`;
      // The mode that it was opened with is that of the process's mask, too.
      if (process.platform !== 'win32') fchmodSync(descriptor, 0o600);
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(draft, file);
  } catch (error) {
    unlinkSync(draft);
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    return unwritable(file, error);
  }
  flushFolder(dirname(file));
}

function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    // Not there yet, or a symlink that leads nowhere, which is replaced.
    return path;
  }
}

async function openDraft(file: string, draft: string): Promise<number> {
  for (let left = TRIES; ; left--) {
    try {
      mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
      return openSync(draft, 'wx', 0o600);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return unwritable(file, error);
      if (left === 0) {
        return invalidArgument(
          `${JSON.stringify(draft)} is there: another process writes the file`,
          'If none does, one was killed while it wrote: remove that file.',
        );
      }
    }
    await sleep(PAUSE_MS);
  }
}

/** So that a power cut does not undo the renaming. Windows cannot, and need not. */
function flushFolder(folder: string): void {
  if (process.platform === 'win32') return;
  const descriptor = openSync(join(folder, '.'), 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function unwritable(file: string, error: unknown): never {
  return invalidArgument(`the file ${JSON.stringify(file)} cannot be written (${reasonOf(error)})`);
}
