import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';

/** The program of a process, in one file each, so that one which was killed is replaced at once. */
export interface MemberProgram {
  readonly main: string;
  /** To be loaded before it. */
  readonly clock: string;
  close(): void;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export async function buildMember(): Promise<MemberProgram> {
  // Below the packages' folder: what brings files of its own cannot be put into one.
  const cache = join(ROOT, '.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'member-'));
  const entryOf = (name: string) => fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  await build({
    entry: { member: entryOf('member'), clock: entryOf('shift-clock') },
    outDir: folder,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    outExtension: () => ({ js: '.cjs' }),
    noExternal: [/^(?!node-sqlite3-wasm|pg-native|@modelcontextprotocol)/],
    external: ['node-sqlite3-wasm', 'pg-native', /^@modelcontextprotocol/],
    esbuildOptions(options) {
      // The examples import the package by its name.
      options.alias = {
        'mcp-tls/store': join(ROOT, 'src', 'store', 'index.ts'),
        'mcp-tls': join(ROOT, 'src', 'index.ts'),
      };
    },
    splitting: false,
    config: false,
    dts: false,
    silent: true,
  });
  return {
    main: join(folder, 'member.cjs'),
    clock: join(folder, 'clock.cjs'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
