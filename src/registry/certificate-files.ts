import { rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RegistryError } from '../errors.js';
import type { CertificateFile } from './types.js';

/** The files of a registry. */
export interface CertificateFiles {
  /** @throws {RegistryError} `MCP_TLS_FILE_REFUSED` */
  write(id: string, pem: string, directory: string | undefined): Promise<CertificateFile>;
  /** Removes those of servers that are not to be trusted any more: of one, or of all. */
  look(id: string | undefined): Promise<void>;
  /** Removes those of one server. */
  remove(id: string): Promise<void>;
  /** Removes all. */
  close(): Promise<void>;
}

/**
 * Makes the (empty) set of files. While there are any, listeners remove them when the process exits, and
 * when it is asked to end and nothing else listens to that; and their servers are looked at every `lookMs`,
 * since another process may withdraw one without a message.
 *
 * @param isOver whether there is no trust in a server any more
 */
export function makeCertificateFiles(
  isOver: (id: string) => Promise<boolean>,
  lookMs: number,
): CertificateFiles {
  const files = new Map<string, string>();
  let looking: NodeJS.Timeout | undefined;

  function onExit(): void {
    for (const directory of files.keys()) {
      try {
        rmSync(directory, { recursive: true, force: true });
      } catch {
        // The process ends: nobody is left to report to.
      }
    }
  }

  /** A process in which nobody else listens to such a signal ends at it, without an exit event. */
  function onSignal(signal: NodeJS.Signals): void {
    const others = process.listeners(signal).filter((listener) => listener !== onSignal);
    if (!others.every((listener) => OURS in listener)) return;
    onExit();
    stopListening();
    // The last of several registries ends the process.
    if (others.length === 0) process.kill(process.pid, signal);
  }
  Object.assign(onSignal, { [OURS]: true });

  function listen(): void {
    looking = setInterval(() => void look(undefined), lookMs).unref();
    process.on('exit', onExit);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }

  function stopListening(): void {
    clearInterval(looking);
    process.off('exit', onExit);
    for (const signal of SIGNALS) process.off(signal, onSignal);
  }

  async function removeOne(directory: string): Promise<void> {
    try {
      await rm(directory, { recursive: true, force: true });
    } catch (cause) {
      throw notRemoved(directory, files.get(directory) ?? '', cause);
    }
    if (files.delete(directory) && files.size === 0) stopListening();
  }

  async function removeWhere(test: (id: string) => boolean): Promise<void> {
    const chosen = [...files].filter(([, id]) => test(id));
    // What cannot be removed now is tried again when the process exits.
    await Promise.allSettled(chosen.map(([directory]) => removeOne(directory)));
  }

  async function look(changed: string | undefined): Promise<void> {
    for (const id of new Set(files.values())) {
      if (changed !== undefined && changed !== id) continue;
      if (await isOver(id)) await removeWhere((one) => one === id);
    }
  }

  return {
    async write(id, pem, parent = tmpdir()) {
      let directory: string | undefined;
      try {
        // A directory of our own (mode 0700), so that nobody can put a file there before us.
        directory = await mkdtemp(join(parent, 'mcp-tls-'));
        if (files.size === 0) listen();
        files.set(directory, id);
        const path = join(directory, 'certificate.pem');
        await writeFile(path, pem, { mode: 0o600, flag: 'wx' });
        const made = directory;
        const close = (): Promise<void> => removeOne(made);
        return Object.freeze({ path, close, [Symbol.asyncDispose]: close });
      } catch (cause) {
        if (directory !== undefined) await removeOne(directory).catch(() => {});
        throw refused(id, parent, cause);
      }
    },
    remove: (id) => removeWhere((one) => one === id),
    look,
    close: () => removeWhere(() => true),
  };
}

/** Marks the listeners of all registries, of whatever copy of this package. */
const OURS = Symbol.for('mcp-tls.certificate-files');

const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT', 'SIGHUP'];

function notRemoved(directory: string, id: string, cause: unknown): RegistryError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const message = `'${directory}' cannot be removed (${code})`;
  return new RegistryError('MCP_TLS_FILE_REFUSED', message, id, { cause });
}

function refused(id: string, parent: string, cause: unknown): RegistryError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'unknown error';
  const message = `no file can be written in '${parent}' (${code}): give options.directory (or set TMPDIR) to a place that this process can write to`;
  return new RegistryError('MCP_TLS_FILE_REFUSED', message, id, { cause });
}
