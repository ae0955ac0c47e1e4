import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  fromFile,
  readTrustFile,
  type TrustFile,
  type TrustInput,
  type TrustPolicy,
} from '../core.js';
import { flagOption, textOption, textsOption } from './arguments.js';
import type { CommandOptions, Io, ParsedArgs } from './command.js';
import { UsageError } from './exit-codes.js';
import { shownUrl } from './printer.js';

/** Whom to trust: of every command that judges a server. */
export const TRUST_OPTIONS: CommandOptions = {
  ca: { type: 'string', multiple: true },
  pin: { type: 'string', multiple: true },
  roots: { type: 'boolean' },
  'trust-file': { type: 'string' },
  'server-name': { type: 'string' },
  'client-cert': { type: 'string' },
  'client-key': { type: 'string' },
  'client-passphrase-env': { type: 'string' },
};

/** What a server is judged by. */
export interface GivenTrust {
  readonly trust: TrustInput;
  /** In words, after "under". */
  readonly words: string;
}

/**
 * The policy that the command line says. `undefined`: it says none, and the command decides what that means.
 *
 * @throws {UsageError} for what cannot be said together
 */
export function readTrust(io: Io, args: ParsedArgs, url: URL): GivenTrust | undefined {
  const [cas, pins] = [textsOption(args, 'ca'), textsOption(args, 'pin')];
  const roots = flagOption(args, 'roots');
  const file = textOption(args, 'trust-file');
  const more = readDetails(io, args);
  if (file !== undefined) {
    if (cas.length + pins.length > 0 || roots || Object.keys(more).length > 0) {
      throw new UsageError('--trust-file says all of it: leave out the other options of trust');
    }
    return trustFrom(readTrustFile(file), url);
  }
  if (cas.length > 0) {
    const ca = cas.map((path) => fromFile(path));
    const policy = { ca, ...(roots && { roots: 'default' }), ...pinned(pins), ...more };
    return {
      trust: policy as TrustPolicy,
      words: `the certificates of --ca${roots ? ' and the default roots' : ''}`,
    };
  }
  if (roots) {
    const policy = { roots: 'default', ...pinned(pins), ...more };
    return {
      trust: policy as TrustPolicy,
      words: `the default roots${pins.length > 0 ? ' and the pin' : ''}`,
    };
  }
  if (pins.length > 0) {
    const policy = { identity: 'pin', pins, ...more };
    return { trust: policy as TrustPolicy, words: 'the pin of --pin' };
  }
  if (Object.keys(more).length === 0) return undefined;
  return { trust: { roots: 'default', ...more } as TrustPolicy, words: 'the default roots' };
}

/** Under the trust that a trust file has for a URL. @throws {UsageError} if it has none */
function trustFrom(file: TrustFile, url: URL): GivenTrust {
  const trust = file.trustFor(url);
  if (trust === undefined) {
    throw new UsageError(`the trust file does not name ${shownUrl(new URL(url.origin))}`);
  }
  return { trust, words: 'the trust file' };
}

/** The trust file of those who name none. */
export function defaultTrustFile({ env }: Io): string {
  const { MCP_TLS_TRUST_FILE: named, XDG_CONFIG_HOME: config } = env;
  if (named !== undefined && named !== '') return resolve(named);
  return join(config || join(homedir(), '.config'), 'mcp-tls', 'trust.json');
}

function pinned(pins: readonly string[]): Partial<Pick<TrustPolicy, 'pins'>> {
  return pins.length === 0 ? {} : { pins };
}

/** What a policy says beside whom to trust. */
function readDetails(io: Io, args: ParsedArgs): Record<string, unknown> {
  const name = textOption(args, 'server-name');
  const serverName = name?.includes('://') ? { uri: name } : name;
  const [cert, key] = [textOption(args, 'client-cert'), textOption(args, 'client-key')];
  const variable = textOption(args, 'client-passphrase-env');
  const details = serverName === undefined ? {} : { serverName };
  if (cert === undefined && key === undefined && variable === undefined) return details;
  if (cert === undefined || key === undefined) {
    throw new UsageError('--client-cert and --client-key belong together');
  }
  const passphrase =
    variable === undefined
      ? {}
      : { passphrase: readVariable(io, 'client-passphrase-env', variable) };
  const clientCertificate = { cert: fromFile(cert), key: fromFile(key), ...passphrase };
  return { ...details, clientCertificate };
}

/**
 * A secret: never an argument, which every user of the machine can read.
 *
 * @param option that names the variable. The name is not repeated: it may be the secret itself
 */
export function readVariable({ env }: Io, option: string, name: string): string {
  const value = /^[A-Za-z_]\w*$/.test(name) ? env[name] : undefined;
  if (value === undefined || value === '') {
    throw new UsageError(`--${option} must name an environment variable that is set`);
  }
  return value;
}
