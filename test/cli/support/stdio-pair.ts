import { PassThrough } from 'node:stream';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  runStdioBridge,
  type StdioBridgeOptions,
  type StdioEnd,
} from '../../../src/bridge/stdio/run-stdio-bridge.js';

/** A bridge over two pipes of this process. */
export interface StdioPair {
  /** What the client writes. */
  readonly input: PassThrough;
  /** What the client reads. */
  readonly output: PassThrough;
  readonly reports: string[];
  readonly done: Promise<StdioEnd>;
  /** For a client of either SDK: newline-delimited JSON is the same from both ends. */
  transport(): Transport;
  end(): Promise<StdioEnd>;
}

export function bridgeOverPipes(
  options: Omit<StdioBridgeOptions, 'input' | 'output' | 'report'>,
): StdioPair {
  const [input, output] = [new PassThrough(), new PassThrough()];
  const reports: string[] = [];
  const report = (line: string) => void reports.push(line);
  const done = runStdioBridge({ ...options, input, output, report });
  return {
    input,
    output,
    reports,
    done,
    transport: () => new StdioServerTransport(output, input) as Transport,
    end: () => {
      input.end();
      return done;
    },
  };
}

/** Reads what comes out, line by line, as values. */
export async function nextLines(output: PassThrough, count: number): Promise<unknown[]> {
  const lines: unknown[] = [];
  let text = '';
  for await (const chunk of output.iterator({ destroyOnReturn: false })) {
    text += chunk;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n')) {
      lines.push(JSON.parse(text.slice(0, at)));
      text = text.slice(at + 1);
    }
    if (lines.length >= count) break;
  }
  return lines;
}
