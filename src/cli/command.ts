import type { ParseArgsConfig } from 'node:util';

/** What a command reads from and writes to: of the process, or of a test. */
export interface Io {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether stdout is a terminal: colour is for people. */
  readonly isTerminal: boolean;
  /** Whether stdin and stderr are: there is a person to ask. */
  readonly isInteractive: boolean;
  /** Width of the terminal; 80 where there is none. */
  readonly columns: number;
}

/** What `parseArgs` made of the command line, by the command's own options. */
export interface ParsedArgs {
  readonly values: Readonly<Record<string, OptionValue | undefined>>;
  readonly positionals: readonly string[];
}

type OptionValue = string | boolean | readonly (string | boolean)[];

export type CommandOptions = NonNullable<ParseArgsConfig['options']>;

/** One command of `mcp-tls`. */
export interface Command {
  readonly name: string;
  /** One line of the list of commands. */
  readonly summary: string;
  /** What `--help` prints: at most 24 lines of 80 characters. */
  readonly help: string;
  /** For `parseArgs`. `help` is added. */
  readonly options: CommandOptions;
  /**
   * Does it, and says how it went: an exit code of `exit-codes.ts`. What it throws is printed, and gives the
   * code of `exitCodeOf`.
   */
  readonly run: (io: Io, args: ParsedArgs) => Promise<number>;
}
