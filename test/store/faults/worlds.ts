import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { unlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { directoryStorage } from '../../../src/index.js';
import { redisStorage } from '../../../src/redis/index.js';
import { directoryBackend } from '../../../src/store/directory-backend.js';
import { recordKey } from '../../../src/store/record-key.js';
import { heldCertificate } from '../../../src/testing/index.js';
import { freePort } from '../../support/waiting.js';
import { type Place, placeNamed } from '../support/places.js';
import { rowsOf } from '../support/rows.js';
import { startRedis } from '../support/start-redis.js';
import { clusterWorld, sentinelWorld } from './cluster-worlds.js';
import {
  apartWorld,
  etcdWorld,
  mariaDbWorld,
  postgresWorld,
  sqliteWorld,
  valkeyWorld,
} from './keyv-worlds.js';

/** A backend, and what can be done to it. What is absent cannot happen to it. */
export interface World {
  readonly place: Place;
  /** Takes the backend away, and gives it back with what it had. */
  readonly down?: { begin(): Promise<void>; end(): Promise<void> };
  /** It accepts and does not answer. */
  readonly hung?: { begin(): Promise<void>; end(): Promise<void> };
  readonly restart?: () => Promise<void>;
  /** No room for anything more. `mayHaveWritten`: it says so of a write that it has done, too. */
  readonly full?: { begin(): Promise<void>; end(): Promise<void>; mayHaveWritten?: true };
  /** Drops records to make room, until at least one of the keys is gone. */
  readonly evict?: () => Promise<void>;
  /** A replica that clients may read from does not get what is written. */
  readonly behind?: { begin(): Promise<void>; end(): Promise<void> };
  /** Ends, for good, the node that has the records. */
  readonly dieWith?: () => Promise<void>;
  /** Options of a store whose writes a replica has to acknowledge. */
  readonly acknowledged?: () => ReturnType<Place['options']>;
  /** A list ends before its end, as if it were whole. */
  readonly cut?: { begin(): Promise<void>; end(): Promise<void> };
  /** The key whose reads fail, and no other's. */
  readonly failing?: { key: string | undefined };
  /** The path of a directory store that may be watched. */
  readonly watched?: string;
  /** Each store that is made over it has to be refused, in words that name it. */
  readonly refusedAs?: string;
  /** The directory that may be renamed away and back. Beside it lies another one, as a restore puts it there. */
  readonly swapped?: string;
  /** How long a call may take. Default 300. */
  readonly patienceMs?: number;
  close(): Promise<void>;
}

export const WORLDS: readonly { readonly name: string; make(namespace: string): Promise<World> }[] =
  [
    { name: 'memory', make: async () => bare('memory (Map)') },
    { name: 'directory', make: directoryWorld },
    { name: 'Keyv 5.6/Redis', make: () => redisWorld('Keyv 5.6 over Redis') },
    { name: 'Keyv 6.1/Redis', make: () => redisWorld('Keyv 6.1 over Redis') },
    { name: 'mcp-tls/redis', make: () => redisWorld('mcp-tls/redis') },
    { name: 'redis, TLS+ACL', make: tlsWorld },
    { name: 'Keyv/PostgreSQL', make: postgresWorld },
    { name: 'Keyv/MariaDB', make: mariaDbWorld },
    { name: 'Keyv/SQLite', make: sqliteWorld },
    { name: 'Keyv/etcd', make: etcdWorld },
    { name: 'keys apart', make: async () => apartWorld() },
    { name: '@keyv/valkey', make: valkeyWorld },
    { name: 'cluster', make: clusterWorld },
    { name: 'sentinels', make: sentinelWorld },
  ];

async function bare(name: string): Promise<World> {
  const place = await placeNamed(name).open('');
  return { place, close: () => place.close() };
}

async function redisWorld(name: string): Promise<World> {
  const redis = await startRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const place = await placeNamed(name).open(redis.url);
  const config = async (key: string, value: string) => {
    await redis.command('CONFIG', 'SET', key, value);
  };
  return {
    place,
    down: { begin: redis.kill, end: redis.start },
    hung: { begin: async () => redis.hang(), end: async () => redis.goOn() },
    async restart() {
      await redis.kill();
      await redis.start();
    },
    full: { begin: () => config('maxmemory', '1'), end: () => config('maxmemory', '0') },
    async evict() {
      const used = Number(
        /used_memory:(\d+)/.exec(`${await redis.command('INFO', 'memory')}`)?.[1],
      );
      await config('maxmemory-policy', 'allkeys-random');
      await config('maxmemory', `${used + 200_000}`);
      const evicted = async () =>
        Number(/evicted_keys:(\d+)/.exec(`${await redis.command('INFO', 'stats')}`)?.[1]);
      // A store under one key goes at once or not at all.
      for (let i = 0; i < 400 && (await evicted()) < 60; i++) {
        await redis.command('SET', `junk${i}`, 'x'.repeat(20_000));
      }
    },
    async close() {
      await place.close();
      await redis.stop();
    },
  };
}

/** As docs/store.md has it. */
const ACL =
  '~mcp-tls:* &mcp-tls:* +hmget +hkeys +hset +hget +hlen +zadd +zcard +zscore +zrangebylex +zlexcount +zremrangebylex +eval +publish +subscribe';

/** Behind a private CA, by a client certificate, as a user who may do no more than is needed. */
async function tlsWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-faults-tls-'));
  const ca = await heldCertificate({ isCa: true, san: 'none' });
  const server = await heldCertificate({ dns: ['localhost'], signedBy: ca });
  const shown = await heldCertificate({ san: 'none', signedBy: ca });
  const put = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const gateway = `user gateway on >open-sesame ${ACL}`;
  const redis = await startRedis([
    ...['--appendonly', 'yes', '--appendfsync', 'always'],
    ...['--tls-port', `${port}`, '--tls-auth-clients', 'yes'],
    ...['--tls-ca-cert-file', put('ca.pem', ca.pem)],
    ...['--tls-cert-file', put('server.pem', server.pem)],
    ...['--tls-key-file', put('server.key', server.keyPem)],
    ...['--aclfile', put('users.acl', `user default on nopass ~* &* +@all\n${gateway}\n`)],
  ]);
  const plain = await placeNamed('mcp-tls/redis').open(redis.url);
  const tls = { ca: ca.pem, clientCertificate: { cert: shown.pem, key: shown.keyPem } };
  const config = async (key: string, value: string) => {
    await redis.command('CONFIG', 'SET', key, value);
  };
  return {
    place: {
      ...plain,
      options: () => ({
        storage: redisStorage(`rediss://gateway:open-sesame@localhost:${port}`, { tls }),
      }),
    },
    // Handshakes on a machine that does other things too.
    patienceMs: 2_000,
    down: { begin: redis.kill, end: redis.start },
    hung: { begin: async () => redis.hang(), end: async () => redis.goOn() },
    async restart() {
      await redis.kill();
      await redis.start();
    },
    full: { begin: () => config('maxmemory', '1'), end: () => config('maxmemory', '0') },
    async close() {
      await plain.close();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function directoryWorld(namespace: string): Promise<World> {
  const base = mkdtempSync(join(tmpdir(), 'mcp-tls-faults-'));
  const path = join(base, 'store');
  const [folder, away] = [join(path, namespace), join(base, 'away')];
  const file = join(folder, `${recordKey('a')}.jwe`);
  return {
    place: {
      options: () => ({ storage: directoryStorage(path, { watch: false }) }),
      rows: async (name) =>
        rowsOf(directoryBackend(path)(name), (key) => unlink(join(path, name, `${key}.jwe`))),
      close: async () => {},
    },
    down: {
      // Root may read whatever its mode is, so the whole path is taken away.
      async begin() {
        renameSync(path, away);
        writeFileSync(path, '');
      },
      async end() {
        rmSync(path);
        renameSync(away, path);
      },
    },
    hung: {
      async begin() {
        renameSync(file, away);
        execFileSync('/usr/bin/mkfifo', [file]);
      },
      async end() {
        // Lets go whoever is still reading: they have all threads that Node.js has for files.
        closeSync(openSync(file, 'r+'));
        renameSync(away, file);
      },
    },
    swapped: folder,
    watched: path,
    restart: async () => {},
    ...fullDisk(folder, base),
    async close() {
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** A file system of a few blocks, where one may be mounted. */
function fullDisk(folder: string, base: string): Pick<World, 'full'> {
  const small = join(base, 'small');
  mkdirSync(small);
  const mount = (...words: string[]) => execFileSync('/usr/bin/mount', words, { stdio: 'ignore' });
  const unmount = () => execFileSync('/usr/bin/umount', [folder], { stdio: 'ignore' });
  try {
    mount('-t', 'tmpfs', '-o', 'size=4k,mode=700', 'tmpfs', small);
    execFileSync('/usr/bin/umount', [small], { stdio: 'ignore' });
  } catch {
    return {};
  }
  return {
    full: {
      async begin() {
        // The records as they are, with one page left less than a record needs.
        const copy = `${folder}.copy`;
        execFileSync('/bin/cp', ['-a', folder, copy]);
        mount('-t', 'tmpfs', '-o', 'size=256k,mode=700', 'tmpfs', folder);
        execFileSync('/bin/sh', ['-c', `cp -a ${copy}/. ${folder}/ && rm -r ${copy}`]);
        try {
          execFileSync('/bin/sh', ['-c', `cat /dev/zero > ${folder}/filler`], { stdio: 'ignore' });
        } catch {
          // It ends when the disk is full: that is what it is for.
        }
      },
      async end() {
        rmSync(join(folder, 'filler'));
        const copy = `${folder}.copy`;
        execFileSync('/bin/cp', ['-a', folder, copy]);
        unmount();
        rmSync(folder, { recursive: true });
        renameSync(copy, folder);
      },
    },
  };
}
