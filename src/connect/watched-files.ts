import { type FSWatcher, promises, realpathSync, statfsSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import { publishOrWarn } from '../diagnostics.js';
import { reasonOf } from './regular-file.js';

/** A file is taken as written when nothing about it changes for so long. */
const SETTLE_MS = 100;

/** One that never comes to rest is read nevertheless. */
const MAX_SETTLE_MS = 2_000;

/** Between two looks at a file that is polled. */
const POLL_MS = 1_000;

/** The same where the system reports changes: some it does not report, as those further down a symlink. */
const LOOK_MS = 5_000;

/** Until it is tried again to watch what could not be watched. */
const RETRY_MS = 30_000;

/** File systems on which others change files without a word to this machine: `f_type` of statfs(2). */
const REMOTE: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB'],
  [0x517b, 'SMB'],
  [0x65735546, 'FUSE'],
  [0x01021997, '9P'],
  [0x00c36400, 'Ceph'],
  [0x5346414f, 'AFS'],
]);

interface WatchedFile {
  readonly path: string;
  readonly listeners: Set<() => void>;
  /** What {@link signatureOf} said when the listeners were called last. */
  signature: string;
  /** Whether the path leads over a symlink: then any change in the directory may be one of the file. */
  hasLinks: boolean;
  isBusy: boolean;
  timer: NodeJS.Timeout | undefined;
}

/** All directories with files that somebody follows, by path. One watcher each, however many follow. */
const directories = new Map<string, WatchedDirectory>();
let ticking: NodeJS.Timeout | undefined;

/**
 * Calls `listener` whenever the file at `path` has changed, or is gone, and has come to rest. Keeps no process
 * alive.
 *
 * @returns ends it; with the last, the watcher and the timers are gone
 */
export function watchFile(path: string, listener: () => void): () => void {
  const place = dirname(path);
  const directory = directories.get(place) ?? new WatchedDirectory(place);
  directories.set(place, directory);
  ticking ??= setInterval(() => tick(performance.now()), POLL_MS).unref();
  // Of its own, since one listener may be given twice.
  const own = (): void => listener();
  directory.add(path, own);
  return () => {
    if (!directory.remove(path, own)) return;
    directories.delete(place);
    if (directories.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

function tick(now: number): void {
  for (const directory of directories.values()) directory.tick(now);
}

/**
 * The followed files of one directory.
 *
 * Invariant: there is a watcher exactly while changes are reported by the system; without one it is polled.
 */
class WatchedDirectory {
  readonly #path: string;
  /** By name. */
  readonly #files = new Map<string, WatchedFile>();
  #watcher: FSWatcher | undefined;
  /** Which directory it is that is watched: another may come to stand in its place. */
  #identity: string | undefined;
  #nextLook = performance.now() + LOOK_MS;
  #nextTry = 0;
  #saidPolled: string | undefined;

  constructor(path: string) {
    this.#path = path;
    this.#watch();
  }

  add(path: string, listener: () => void): void {
    const name = basename(path);
    const file = this.#files.get(name) ?? newFile(path);
    this.#files.set(name, file);
    file.listeners.add(listener);
  }

  /** @returns whether it was the last of all */
  remove(path: string, listener: () => void): boolean {
    const name = basename(path);
    const file = this.#files.get(name);
    if (!file?.listeners.delete(listener)) return false;
    if (file.listeners.size === 0) {
      this.#files.delete(name);
      clearTimeout(file.timer);
    }
    if (this.#files.size > 0) return false;
    this.#unwatch();
    return true;
  }

  tick(now: number): void {
    if (this.#watcher === undefined && now >= this.#nextTry) this.#watch();
    if (this.#watcher !== undefined && now < this.#nextLook) return;
    this.#nextLook = now + LOOK_MS;
    for (const file of this.#files.values()) this.#look(file);
  }

  #watch(): void {
    this.#nextTry = performance.now() + RETRY_MS;
    const remote = remoteKind(this.#path);
    if (remote !== undefined) {
      this.#sayPolled(`${remote} reports no changes`);
      return;
    }
    try {
      this.#identity = identityOf(this.#path);
      const watcher = watch(this.#path, { persistent: false }, (_, name) => this.#see(name));
      watcher.on('error', (error) => {
        if (this.#watcher === watcher) this.#unwatch();
        this.#sayPolled(reasonOf(error));
      });
      this.#watcher = watcher;
      this.#saidPolled = undefined;
    } catch (error) {
      this.#unwatch();
      this.#sayPolled(reasonOf(error));
    }
  }

  #unwatch(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #sayPolled(reason: string): void {
    if (this.#saidPolled === reason) return;
    this.#saidPolled = reason;
    const text = `${JSON.stringify(this.#path)} cannot be watched (${reason}): its files are looked at every ${POLL_MS} ms`;
    publishOrWarn('mcp-tls:source-polled', text, () => ({ directory: this.#path, reason }));
  }

  #see(name: string | null): void {
    const file = name === null ? undefined : this.#files.get(name);
    if (file !== undefined) {
      this.#look(file);
      return;
    }
    for (const one of this.#files.values()) if (name === null || one.hasLinks) this.#look(one);
  }

  /** Looks whether it changed, and if so, waits until it has come to rest. One such wait for each file. */
  #look(file: WatchedFile): void {
    if (file.isBusy) return;
    file.isBusy = true;
    const step = async (seen: string, since: number): Promise<void> => {
      const now = await signatureOf(file.path);
      if (file.listeners.size === 0) return;
      if (now === file.signature) {
        file.isBusy = false;
        return;
      }
      if (now === seen || performance.now() - since > MAX_SETTLE_MS) {
        file.signature = now;
        file.hasLinks = leadsOverLinks(file.path);
        this.#checkIdentity();
        await callEach([...file.listeners]);
        void step('', performance.now());
        return;
      }
      file.timer = setTimeout(() => void step(now, since), SETTLE_MS).unref();
    };
    void step('', performance.now());
  }

  /** After a change: it may be that of the directory. */
  #checkIdentity(): void {
    if (this.#watcher !== undefined && identityOf(this.#path) === this.#identity) return;
    this.#unwatch();
    this.#watch();
  }
}

/** A thousand policies may follow one file: requests go on between them. */
const AT_A_TIME = 10;

async function callEach(listeners: readonly (() => void)[]): Promise<void> {
  for (const [i, listener] of listeners.entries()) {
    if (i > 0 && i % AT_A_TIME === 0) await new Promise(setImmediate);
    listener();
  }
}

function newFile(path: string): WatchedFile {
  const hasLinks = leadsOverLinks(path);
  let signature: string;
  try {
    signature = textOf(statSync(path, { bigint: true }));
  } catch (error) {
    signature = reasonOf(error);
  }
  return { path, listeners: new Set(), signature, hasLinks, isBusy: false, timer: undefined };
}

/** What of a file changes whenever its content, place or permissions do; or why that is not known. */
async function signatureOf(path: string): Promise<string> {
  try {
    return textOf(await promises.stat(path, { bigint: true }));
  } catch (error) {
    return reasonOf(error);
  }
}

function textOf(stats: Record<'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs', bigint>): string {
  return [stats.dev, stats.ino, stats.size, stats.mtimeNs, stats.ctimeNs].join(' ');
}

function leadsOverLinks(path: string): boolean {
  try {
    return realpathSync(path) !== path;
  } catch {
    // It is not there, and may come to be a link.
    return true;
  }
}

function identityOf(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return undefined;
  }
}

function remoteKind(path: string): string | undefined {
  try {
    return REMOTE.get(Number(statfsSync(path).type));
  } catch {
    return undefined;
  }
}
