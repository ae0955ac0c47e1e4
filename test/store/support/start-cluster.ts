import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@keyv/redis';
import { debianProgram } from '../../support/debian-program.js';
import { BUS_OFFSET, eventually, freePort } from '../../support/waiting.js';

/** Several Redis servers that belong together. */
export interface RedisServers {
  readonly ports: readonly number[];
  command(port: number, ...words: string[]): Promise<unknown>;
  /** Ends one at once. */
  kill(port: number): Promise<void>;
  /** Ends all of them at once; and starts them again, with the same files. */
  killAll(): Promise<void>;
  startAll(): Promise<void>;
  /** None answers, with the connections open; and all go on. */
  hang(): void;
  goOn(): void;
  stop(): Promise<void>;
}

/** A Redis Cluster: three masters, each with a replica. */
export async function startCluster(): Promise<RedisServers> {
  const ports = await freePorts(6);
  const servers = await startServers(ports, (folder) => [
    ...['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', '--appendonly', 'yes'],
    // A replica that has nothing yet does not take over.
    ...['--repl-diskless-sync-delay', '0', '--cluster-require-full-coverage', 'no'],
    ...['--cluster-config-file', join(folder, 'nodes.conf')],
  ]);
  const [first = 0] = ports;
  const masters = ports.slice(0, 3);
  for (const port of ports.slice(1)) {
    await servers.command(first, 'CLUSTER', 'MEET', '127.0.0.1', `${port}`);
  }
  for (const [i, port] of masters.entries()) {
    const from = Math.floor((16_384 * i) / 3);
    const to = Math.floor((16_384 * (i + 1)) / 3) - 1;
    await servers.command(port, 'CLUSTER', 'ADDSLOTSRANGE', `${from}`, `${to}`);
  }
  for (const [i, port] of masters.entries()) {
    const id = `${await servers.command(port, 'CLUSTER', 'MYID')}`;
    const replica = ports[i + 3] as number;
    await eventually(() => servers.command(replica, 'CLUSTER', 'REPLICATE', id));
  }
  for (const port of ports) {
    await eventually(async () => {
      const info = `${await servers.command(port, 'CLUSTER', 'INFO')}`;
      const nodes = `${await servers.command(port, 'CLUSTER', 'NODES')}`;
      if (!info.includes('cluster_state:ok')) throw new Error('the cluster is not ready');
      if ((nodes.match(/\bslave\b/g)?.length ?? 0) < 3) throw new Error('no replicas yet');
    }, 30_000);
  }
  for (const port of ports.slice(3)) {
    await eventually(async () => {
      const info = `${await servers.command(port, 'INFO', 'replication')}`;
      if (!info.includes('master_link_status:up')) throw new Error('a replica is behind');
    }, 30_000);
  }
  return servers;
}

/** A master with a replica, and three sentinels that watch them as `main`. */
export async function startSentinels(): Promise<RedisServers & { readonly sentinels: number[] }> {
  const [master = 0, replica = 0, ...sentinels] = await freePorts(5);
  const data = await startServers([master, replica], () => []);
  await data.command(replica, 'REPLICAOF', '127.0.0.1', `${master}`);
  const program = await debianProgram('redis-server');
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-sentinel-'));
  const children = sentinels.map((port) => {
    const file = join(folder, `${port}.conf`);
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `sentinel monitor main 127.0.0.1 ${master} 2`,
      'sentinel down-after-milliseconds main 1000',
      'sentinel failover-timeout main 5000',
    ];
    writeFileSync(file, lines.join('\n'));
    return spawn(program, [file, '--sentinel'], { stdio: 'ignore' });
  });
  for (const port of sentinels) {
    await eventually(async () => {
      const found = await data.command(port, 'SENTINEL', 'REPLICAS', 'main');
      if (!Array.isArray(found) || found.length < 1) throw new Error('no replica is known yet');
    }, 30_000);
  }
  return {
    ...data,
    sentinels,
    async stop() {
      for (const child of children) await end(child);
      await data.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startServers(
  ports: readonly number[],
  settings: (folder: string) => readonly string[],
): Promise<RedisServers> {
  const program = await debianProgram('redis-server');
  const root = mkdtempSync(join(tmpdir(), 'mcp-tls-redis-'));
  const folders = new Map(ports.map((port) => [port, mkdtempSync(join(root, `${port}-`))]));
  const children = new Map<number, ChildProcess>();
  const startAll = async (): Promise<void> => {
    for (const [port, folder] of folders) {
      const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
      const child = spawn(program, [...words, ...settings(folder)], { stdio: 'ignore' });
      children.set(port, child);
      await eventually(() => command(port, 'PING'));
    }
  };
  const killAll = async (): Promise<void> => {
    await Promise.all([...children.values()].map(end));
  };
  const signal = (name: 'SIGSTOP' | 'SIGCONT'): void => {
    for (const child of children.values()) child.kill(name);
  };
  await startAll();
  return {
    ports,
    command,
    kill: (port) => end(children.get(port)),
    killAll,
    startAll,
    hang: () => signal('SIGSTOP'),
    goOn: () => signal('SIGCONT'),
    async stop() {
      await killAll();
      rmSync(root, { recursive: true, force: true });
    },
  };
}

async function command(port: number, ...words: string[]): Promise<unknown> {
  const url = `redis://127.0.0.1:${port}`;
  const client = createClient({ url, socket: { reconnectStrategy: false } });
  client.on('error', () => {});
  await client.connect();
  try {
    return await client.sendCommand(words);
  } finally {
    client.destroy();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort([BUS_OFFSET]));
  return [...ports];
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
}
