import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.js';
import { runCli, temporaryFolder } from './support/run-cli.js';
import { inTerminal } from './support/tmux.js';

let home: Awaited<ReturnType<typeof temporaryFolder>>;
const run = (...args: readonly string[]) => runCli(args, { folder: home.path });

beforeAll(async () => {
  home = await temporaryFolder();
});
afterAll(() => home[Symbol.asyncDispose]());

describe('the help of mcp-tls', () => {
  it.each([...COMMANDS.keys()])(
    'for %s fits on 24 lines of 80 characters, and names every option',
    async (name) => {
      const { code, stdout } = await run(name, '--help');
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split('\n');
      expect(lines.length).toBeLessThanOrEqual(24);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(await run('help', name)).toMatchObject({ code: 0, stdout });
      const command = await COMMANDS.get(name)?.();
      const unnamed = Object.keys(command?.options ?? {}).filter(
        (one) => !stdout.includes(`--${one}`),
      );
      expect(unnamed).toEqual([]);
    },
  );

  it('lists every command, and says where to look after a mistake', async () => {
    const { code, stdout } = await run('--help');
    expect(code).toBe(0);
    for (const name of COMMANDS.keys()) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    for (const args of [[], ['what'], ['inspect', '--what']]) {
      const wrong = await run(...args);
      expect(wrong).toMatchObject({ code: 64, stdout: '' });
      expect(wrong.stderr).toContain('--help');
    }
  });

  it('prints the version of the package', async () => {
    const { version } = JSON.parse(
      await readFile(join(import.meta.dirname, '../../package.json'), 'utf8'),
    );
    expect(await run('--version')).toMatchObject({ code: 0, stdout: `${version}\n` });
  });

  it('prints a command line of others as text, and no colour where NO_COLOR is set', async () => {
    const wrong = await run('\u{1b}[2J\u{202e}evil');
    expect(wrong.code).toBe(64);
    expect(wrong.stderr).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    const args = ['check', 'https://127.0.0.1:1/', '--roots'];
    await using coloured = await inTerminal(args, { folder: home.path });
    await coloured.until('exit: 4');
    expect(await coloured.coloured()).toContain('\u{1b}[');
    await using plain = await inTerminal(args, { folder: home.path, env: { NO_COLOR: '1' } });
    await plain.until('exit: 4');
    expect(await plain.coloured()).not.toContain('\u{1b}[');
  });
});
