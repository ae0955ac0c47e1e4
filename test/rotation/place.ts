import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** How files come to hold something else. */
export type Writer = 'rename' | 'symlink swap' | 'truncate and write';

/** A directory of certificates, as a mounted secret is laid out where its writer swaps symlinks. */
export class Place {
  readonly base: string = mkdtempSync(join(tmpdir(), 'mcp-tls-rotation-'));
  readonly #writer: Writer;
  #files: Record<string, string>;
  #generation = 0;

  constructor(writer: Writer, files: Record<string, string>) {
    this.#writer = writer;
    this.#files = files;
    if (writer === 'symlink swap') {
      this.#swap();
      for (const name of Object.keys(files)) symlinkSync(`..data/${name}`, this.path(name));
    } else {
      for (const [name, text] of Object.entries(files)) writeFileSync(this.path(name), text);
    }
  }

  path(name: string): string {
    return join(this.base, name);
  }

  write(files: Record<string, string>): void {
    this.#files = { ...this.#files, ...files };
    if (this.#writer === 'symlink swap') {
      this.#swap();
      return;
    }
    for (const [name, text] of Object.entries(files)) {
      if (this.#writer === 'truncate and write') writeFileSync(this.path(name), text);
      else {
        writeFileSync(this.path(`${name}.new`), text);
        renameSync(this.path(`${name}.new`), this.path(name));
      }
    }
  }

  /** In the middle of a writer that does not rename. */
  writeHalf(name: string): void {
    const text = this.#files[name] as string;
    writeFileSync(this.path(name), text.slice(0, text.length / 2));
  }

  delete(name: string): void {
    rmSync(this.path(name), { force: true, recursive: true });
  }

  /** For root every file is readable: a symlink to itself is not. */
  makeUnreadable(name: string): void {
    if (process.getuid?.() !== 0) chmodSync(this.path(name), 0);
    else {
      this.delete(name);
      symlinkSync(name, this.path(name));
    }
  }

  restore(name: string): void {
    this.delete(name);
    writeFileSync(this.path(name), this.#files[name] as string);
  }

  remove(): void {
    rmSync(this.base, { recursive: true, force: true });
  }

  /** As the kubelet does: a directory with all of it, a link to that, renamed over the one before. */
  #swap(): void {
    const before = this.#generation;
    this.#generation += 1;
    const name = `..data_${this.#generation}`;
    mkdirSync(join(this.base, name));
    for (const [file, text] of Object.entries(this.#files)) {
      writeFileSync(join(this.base, name, file), text);
    }
    symlinkSync(name, join(this.base, '..data_tmp'));
    renameSync(join(this.base, '..data_tmp'), join(this.base, '..data'));
    if (before > 0) rmSync(join(this.base, `..data_${before}`), { recursive: true });
  }
}
