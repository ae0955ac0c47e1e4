import { readRegularFile, reasonOf } from '../connect/regular-file.js';
import {
  createCertificateStore,
  directoryStorage,
  type EncryptedCertificateStore,
  type PassphraseKey,
  type RawKey,
} from '../core.js';
import { TlsConfigError } from '../errors.js';
import type { CertificateStorage } from '../store/storage.js';
import { textOption, textsOption } from './arguments.js';
import type { CommandOptions, Io, ParsedArgs } from './command.js';
import { UsageError } from './exit-codes.js';
import { shown } from './printer.js';
import { readVariable } from './trust-arguments.js';

/** Which store, and by which keys. */
export const STORE_OPTIONS: CommandOptions = {
  directory: { type: 'string' },
  'redis-url-env': { type: 'string' },
  'redis-ca': { type: 'string', multiple: true },
  namespace: { type: 'string' },
  'key-env': { type: 'string', multiple: true },
  'key-file': { type: 'string', multiple: true },
  'passphrase-env': { type: 'string', multiple: true },
  salt: { type: 'string' },
};

/** The store that the command line names. To be closed. */
export async function openStore(io: Io, args: ParsedArgs): Promise<EncryptedCertificateStore> {
  const keys = readKeys(io, args);
  const storage = await readStorage(io, args);
  const namespace = textOption(args, 'namespace');
  return createCertificateStore({
    keys,
    storage,
    ...(namespace === undefined ? {} : { namespace }),
  });
}

async function readStorage(io: Io, args: ParsedArgs): Promise<CertificateStorage> {
  const directory = textOption(args, 'directory');
  const variable = textOption(args, 'redis-url-env');
  if ((directory === undefined) === (variable === undefined)) {
    throw new UsageError('which store? Say --directory, or --redis-url-env');
  }
  if (directory !== undefined) return directoryStorage(directory, { watch: false });
  const url = readVariable(io, 'redis-url-env', variable as string);
  const ca = textsOption(args, 'redis-ca').map((path) => readText(path));
  const { redisStorage } = await import('../redis/index.js');
  await assertInstalled();
  return redisStorage(url, { watch: false, ...(ca.length > 0 && { tls: { ca } }) });
}

/** An optional peer: `npx mcp-tls` brings none. */
async function assertInstalled(): Promise<void> {
  try {
    await import('@keyv/redis');
  } catch {
    throw new TlsConfigError(
      'MCP_TLS_UNSUPPORTED_RUNTIME',
      'the package @keyv/redis, which --redis-url-env needs, cannot be loaded',
      { hint: 'Install it beside mcp-tls: npm install @keyv/redis' },
    );
  }
}

/** In the order of the kinds of options; the first of all writes. */
function readKeys(io: Io, args: ParsedArgs): (RawKey | PassphraseKey)[] {
  const keys: (RawKey | PassphraseKey)[] = [
    ...textsOption(args, 'key-env').map((given) => {
      const { id, place } = named('key-env', given);
      return { id, key: readVariable(io, 'key-env', place) };
    }),
    ...textsOption(args, 'key-file').map((given) => {
      const { id, place } = named('key-file', given);
      return { id, key: readText(place) };
    }),
    ...textsOption(args, 'passphrase-env').map((given) => {
      const { id, place } = named('passphrase-env', given);
      const salt = textOption(args, 'salt');
      if (salt === undefined) throw new UsageError('--passphrase-env needs --salt');
      return { id, passphrase: readVariable(io, 'passphrase-env', place), salt };
    }),
  ];
  if (keys.length === 0) {
    throw new UsageError('which key? Say --key-env, --key-file or --passphrase-env');
  }
  return keys;
}

function named(option: string, given: string): { readonly id: string; readonly place: string } {
  const at = given.indexOf('=');
  // What was given is not repeated: it may be the key itself.
  if (at < 1) throw new UsageError(`--${option} must be ID=NAME, and no key is an argument`);
  return { id: given.slice(0, at), place: given.slice(at + 1) };
}

function readText(path: string): string {
  try {
    return readRegularFile(path, 'followed').toString('utf8').trim();
  } catch (error) {
    throw new UsageError(`${shown(path)} cannot be read (${reasonOf(error)})`);
  }
}
