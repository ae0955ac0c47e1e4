#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { explainTlsError } from '../explain-tls-error.js';
import { formatError } from '../format-error.js';
import type { Command, Io } from './command.js';
import { COMMANDS } from './commands.js';
import { EXIT, exitCodeOf, UsageError } from './exit-codes.js';
import { shown } from './printer.js';
import { processIo } from './process-io.js';
import { writeJson } from './screen.js';

const io = processIo();
process.exitCode = await main(io, process.argv.slice(2));

async function main(io: Io, [name, ...args]: readonly string[]): Promise<number> {
  try {
    if (name === undefined) throw new UsageError('which command?');
    if (name === '--version' || name === '-V') return printVersion(io);
    if (name === '--help' || name === '-h' || name === 'help') return await printHelp(io, args[0]);
    return await run(io, await load(name), args);
  } catch (error) {
    return report(io, error, name, args.includes('--json'));
  }
}

async function run(io: Io, command: Command, args: readonly string[]): Promise<number> {
  const parsed = parse(command, args);
  if (parsed.values['help'] !== true) return command.run(io, parsed);
  io.stdout.write(`${command.help.trim()}\n`);
  return EXIT.ok;
}

function parse(command: Command, args: readonly string[]) {
  const options = { ...command.options, help: { type: 'boolean', short: 'h' } } as const;
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message.replaceAll('\n', ' '));
  }
}

function load(name: string): Promise<Command> {
  const loader = COMMANDS.get(name);
  if (loader === undefined) throw new UsageError(`no command is called '${shown(name)}'`);
  return loader();
}

async function printHelp(io: Io, name: string | undefined): Promise<number> {
  if (name !== undefined) {
    io.stdout.write(`${(await load(name)).help.trim()}\n`);
    return EXIT.ok;
  }
  const commands = await Promise.all([...COMMANDS.values()].map((loader) => loader()));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`);
  io.stdout.write(`Usage: mcp-tls <command> [options]

${lines.join('\n')}

mcp-tls <command> --help explains one. --version prints the version.
Exit codes: 0 trusted or done, 1 internal error, 2 refused or changed,
3 expiring, 4 unreachable, 64 usage.
`);
  return EXIT.ok;
}

function printVersion(io: Io): number {
  // This file is dist/cli.js of the package.
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  io.stdout.write(`${JSON.parse(manifest).version}\n`);
  return EXIT.ok;
}

/** For people on stderr, so that what was printed for a program stays what it is; for a program as JSON on stdout. */
function report(io: Io, error: unknown, name: string | undefined, asJson: boolean): number {
  const code = exitCodeOf(error);
  const isUsage = error instanceof UsageError;
  if (asJson) {
    const plain = { name: (error as Error).name, message: formatError(error) };
    writeJson(io.stdout, { error: explainTlsError(error)?.toJSON() ?? plain, exitCode: code });
  } else if (isUsage) {
    const known = name !== undefined && COMMANDS.has(name);
    io.stderr.write(
      `mcp-tls: ${shown(error.message)}\nTry: mcp-tls ${known ? `${name} ` : ''}--help\n`,
    );
  } else {
    io.stderr.write(`mcp-tls: ${formatError(error)}\n`);
  }
  return code;
}
