import { readServerUrl } from '../trust-file/trust-file-text.js';
import type { CommandOptions, ParsedArgs } from './command.js';
import { UsageError } from './exit-codes.js';

/** How a server is reached: of every command that connects. */
export const ROUTE_OPTIONS: CommandOptions = {
  proxy: { type: 'string' },
  timeout: { type: 'string' },
};

/** The value of an option that takes one text. */
export function textOption({ values }: ParsedArgs, name: string): string | undefined {
  const value = values[name];
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') throw new UsageError(`--${name} needs a value`);
  return value;
}

/** The values of an option that may be given several times. */
export function textsOption({ values }: ParsedArgs, name: string): readonly string[] {
  const list = (values[name] ?? []) as readonly string[];
  if (list.includes('')) throw new UsageError(`--${name} needs a value`);
  return list;
}

export function flagOption({ values }: ParsedArgs, name: string): boolean {
  return values[name] === true;
}

/** A whole number. */
export function countOption(args: ParsedArgs, name: string, otherwise: number): number {
  const text = textOption(args, name);
  if (text === undefined) return otherwise;
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(value)) throw new UsageError(`--${name} must be a whole number`);
  return value;
}

/** The one URL of a command. */
export function readTarget({ positionals }: ParsedArgs): URL {
  const [given, ...others] = positionals;
  if (given === undefined) throw new UsageError('which URL?');
  if (others.length > 0) throw new UsageError('one URL at a time');
  return readUrl(given);
}

/** An https URL; `host:port` is short for one. */
export function readUrl(given: string): URL {
  const isShort = /^(?:[\w.-]+|\[[\da-f:.]+\])(?::\d{1,5})?(?:[/?#]|$)/i.test(given);
  return readServerUrl('url', isShort ? `https://${given}` : given);
}

/** Where the look goes, for `fetchPeerCertificate`. */
export function readRouteOptions(args: ParsedArgs): { proxy?: string; timeoutMs: number } {
  const proxy = textOption(args, 'proxy');
  if (proxy !== undefined && URL.canParse(proxy) && new URL(proxy).password !== '') {
    throw new UsageError(
      'a password is no argument: put the proxy into HTTPS_PROXY, and --proxy env',
    );
  }
  const timeoutMs = 1000 * countOption(args, 'timeout', 10);
  if (timeoutMs === 0) throw new UsageError('--timeout must be at least 1 (seconds)');
  return { ...(proxy === undefined ? {} : { proxy }), timeoutMs };
}
