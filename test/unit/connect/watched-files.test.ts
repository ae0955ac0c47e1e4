import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { watchFile } from '../../../src/connect/watched-files.js';
import { fromFile, makeCustomClientFactory, onDiagnostic } from '../../../src/index.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { inotifyWatches } from '../../support/inotify-watches.js';
import { eventually } from '../../support/waiting.js';

/** How many directories are watched, and what is left of it. */

const refused = vi.hoisted(() => ({ code: undefined as string | undefined }));
vi.mock('node:fs', async (importActual) => {
  const fs = await importActual<typeof import('node:fs')>();
  const watch: typeof fs.watch = (...args: unknown[]) => {
    if (refused.code !== undefined) throw Object.assign(new Error(), { code: refused.code });
    return (fs.watch as (...all: unknown[]) => never)(...args);
  };
  return { ...fs, watch };
});

let base = '';
const { pem } = await heldCertificate({ isCa: true });

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'mcp-tls-watched-'));
});
afterEach(() => {
  refused.code = undefined;
  rmSync(base, { recursive: true, force: true });
});

function file(name: string): string {
  writeFileSync(join(base, name), pem);
  return join(base, name);
}

describe.runIf(process.platform === 'linux')('the files of policies', () => {
  it('in one directory cost one watcher, for hundreds of factories, and none once they are closed', async () => {
    const before = inotifyWatches();
    const factories = Array.from({ length: 300 }, (_, i) =>
      makeCustomClientFactory({ ca: fromFile(file(`ca-${i % 10}.crt`)) }),
    );
    expect(inotifyWatches() - before).toBe(1);
    await Promise.all(factories.slice(1).map((factory) => factory.close()));
    expect(inotifyWatches() - before).toBe(1);
    await factories[0]?.close();
    expect(inotifyWatches() - before).toBe(0);
  });

  it('in several directories cost one watcher each', async () => {
    const before = inotifyWatches();
    for (const name of ['a', 'b', 'c']) mkdirSync(join(base, name));
    const ca = ['a', 'b', 'c'].map((name) => fromFile(file(`${name}/ca.crt`)));
    const factory = makeCustomClientFactory({ ca });
    expect(inotifyWatches() - before).toBe(3);
    await factory.close();
    expect(inotifyWatches() - before).toBe(0);
  });

  it('are watched no longer when a factory was forgotten without being closed', async () => {
    const before = inotifyWatches();
    for (let i = 0; i < 10; i++) makeCustomClientFactory({ ca: fromFile(file('ca.crt')) });
    expect(inotifyWatches() - before).toBe(1);
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    await eventually(async () => {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 10));
      expect(inotifyWatches() - before).toBe(0);
    });
  });

  it('keep no process alive', async () => {
    const entry = JSON.stringify(join(import.meta.dirname, '../../../src/index.ts'));
    const program = `
      import { fromFile, makeCustomClientFactory } from ${entry};
      makeCustomClientFactory({ ca: fromFile(process.argv[1]) });
    `;
    const args = ['--import', 'tsx', '--input-type=module', '-e', program, file('ca.crt')];
    await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  }, 90_000);
});

describe('a directory that cannot be watched', () => {
  it('is looked at instead, which is said once, and noticed changes count the same', async () => {
    refused.code = 'ENOSPC';
    const polled: unknown[] = [];
    using _ = onDiagnostic('mcp-tls:source-polled', (message) => void polled.push(message));
    const path = file('ca.crt');
    let changes = 0;
    const ends = [watchFile(path, () => void changes++), watchFile(path, () => void changes++)];
    expect(polled).toEqual([{ directory: base, reason: 'ENOSPC' }]);
    writeFileSync(path, 'another');
    await eventually(() => expect(changes).toBe(2));
    writeFileSync(path, 'a third');
    await eventually(() => expect(changes).toBe(4));
    expect(polled).toHaveLength(1);
    for (const end of ends) end();
  });
});

describe('a file that is watched', () => {
  it('is reported once the file has come to rest, and not for each piece that is written', async () => {
    const path = file('ca.crt');
    let changes = 0;
    const end = watchFile(path, () => void changes++);
    for (let i = 0; i < 5; i++) {
      writeFileSync(path, 'x'.repeat(i + 1));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await eventually(() => expect(changes).toBe(1));
    end();
    writeFileSync(path, 'never told');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(changes).toBe(1);
  });

  it('is found again where its directory was replaced by another', async () => {
    const place = join(base, 'live');
    mkdirSync(place);
    const path = file('live/ca.crt');
    let changes = 0;
    const end = watchFile(path, () => void changes++);
    rmSync(place, { recursive: true });
    await eventually(() => expect(changes).toBe(1));
    mkdirSync(place);
    writeFileSync(path, 'x');
    await eventually(() => expect(changes).toBe(2));
    writeFileSync(path, 'xx');
    await eventually(() => expect(changes).toBe(3));
    end();
  });
});
