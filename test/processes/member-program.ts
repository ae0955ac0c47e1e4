import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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

export async function buildMember(): Promise<MemberProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-member-'));
  const entryOf = (name: string) => fileURLToPath(new URL(`${name}.ts`, import.meta.url));
  await build({
    entry: { member: entryOf('member'), clock: entryOf('shift-clock') },
    outDir: folder,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    outExtension: () => ({ js: '.cjs' }),
    // The folder has no packages beside it.
    noExternal: [/./],
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
