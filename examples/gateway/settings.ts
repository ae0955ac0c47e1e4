import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { BlockList, isIP } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What the environment says, and the two secrets that the first start makes. */
export interface Settings {
  /** 0: any free one. */
  readonly port: number;
  readonly workers: number;
  readonly dataDir: string;
  /** Keeps the store in Redis instead of in `dataDir`. */
  readonly redisUrl: string | undefined;
  /** Whoever has it may do everything. */
  readonly adminToken: string;
  /** What records are sealed with: 32 bytes, base64. */
  readonly storeKey: string;
  /** Networks that servers may be in, in addition to public addresses. */
  readonly networks: BlockList;
}

/** An error to print for the person who started it, without a stack. */
export class SettingsError extends Error {}

const DEFAULT_DATA_DIR = fileURLToPath(new URL('data', import.meta.url));
const SHORTEST_TOKEN = 16;

/** Where the demo's own servers are. */
const DEMO_NETWORKS = '127.0.0.0/8,::1/128';

/**
 * Reads the settings, the same in every process. The first one makes the data directory and the
 * secrets in it, mode 0600: they are not handed on through environment variables or arguments.
 *
 * @throws {SettingsError}
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const dataDir = resolve(env['DATA_DIR'] || DEFAULT_DATA_DIR);
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const adminToken = env['ADMIN_TOKEN'] || secretFile(join(dataDir, 'admin-token'), 'base64url');
  if (adminToken.length < SHORTEST_TOKEN) {
    throw new SettingsError(`ADMIN_TOKEN: at least ${SHORTEST_TOKEN} characters, please`);
  }
  return {
    port: whole(env, 'PORT', 8787, 0, 65_535),
    workers: whole(env, 'WORKERS', 2, 1, 64),
    dataDir,
    redisUrl: env['REDIS_URL'] || undefined,
    adminToken,
    storeKey: secretFile(join(dataDir, 'store-key'), 'base64'),
    networks: readNetworks(env['ALLOW_NETWORKS'] ?? DEMO_NETWORKS),
  };
}

function whole(
  env: NodeJS.ProcessEnv,
  name: string,
  byDefault: number,
  min: number,
  max: number,
): number {
  const value = Number(env[name] || byDefault);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new SettingsError(`${name}: a whole number from ${min} to ${max}, please`);
}

function readNetworks(list: string): BlockList {
  const networks = new BlockList();
  for (const entry of list.split(/[\s,]+/).filter(Boolean)) {
    const [network = '', prefix = ''] = entry.split('/');
    const family = isIP(network);
    const bits = Number(prefix);
    if (family === 0 || !/^\d+$/.test(prefix) || bits > (family === 6 ? 128 : 32)) {
      throw new SettingsError(`ALLOW_NETWORKS: '${entry}' is no network (such as 10.0.0.0/8)`);
    }
    networks.addSubnet(network, bits, family === 6 ? 'ipv6' : 'ipv4');
  }
  return networks;
}

/** The secret in `path`; the first time, a random one of 32 bytes is put there. */
function secretFile(path: string, encoding: 'base64' | 'base64url'): string {
  try {
    const secret = randomBytes(32).toString(encoding);
    writeFileSync(path, `${secret}\n`, { flag: 'wx', mode: 0o600 });
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  if (process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0) {
    throw new SettingsError(`others can read ${path}: chmod 600 it, or replace the secret in it`);
  }
  return readFileSync(path, 'utf8').trim();
}
