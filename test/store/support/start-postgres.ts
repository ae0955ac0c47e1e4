import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { debianProgram } from '../../support/debian-program.js';
import { eventually, freePort } from '../../support/waiting.js';

/** A PostgreSQL of its own. */
export interface PostgresServer {
  readonly url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  hang(): void;
  goOn(): void;
  query(sql: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

/** The PostgreSQL to test with: the one of TEST_POSTGRES_URL, or one that is started for it. */
export async function sharedPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['TEST_POSTGRES_URL'];
  return url ? { url, async stop() {} } : startPostgres();
}

export async function startPostgres(): Promise<PostgresServer> {
  const bin = dirname(await debianProgram('postgres'));
  const user = unprivilegedUser();
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-postgres-'));
  chmodSync(folder, 0o700);
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid as number);
  const data = join(folder, 'data');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '--auth=trust', '--no-sync', '--no-locale', '-E', 'UTF8'],
    { ...user, cwd: folder, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb: ${made.stderr}`);
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const words = ['-D', data, '-p', `${port}`, '-k', folder, '-c', 'listen_addresses=127.0.0.1'];
    child = spawn(join(bin, 'postgres'), words, {
      ...user,
      cwd: folder,
      stdio: 'ignore',
      detached: true,
    });
    await eventually(() => query('SELECT 1'), 20_000);
  }

  /** The server and what it has forked: each connection is a process. */
  function signal(name: NodeJS.Signals): void {
    if (child?.pid !== undefined) process.kill(-child.pid, name);
  }

  async function kill(): Promise<void> {
    const dying = child;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    // SIGQUIT: at once, as after a crash.
    dying.kill('SIGQUIT');
    await new Promise((resolve) => dying.once('exit', resolve));
  }

  async function query(
    sql: string,
    values: readonly unknown[] = [],
  ): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query(sql, [...values])).rows;
    } finally {
      await client.end();
    }
  }

  await start();
  return {
    url,
    kill,
    start,
    query,
    hang: () => {
      // Each connection has a process and a group of its own.
      for (const pid of childrenOf(child?.pid)) process.kill(pid, 'SIGSTOP');
      signal('SIGSTOP');
    },
    goOn: () => {
      signal('SIGCONT');
      for (const pid of childrenOf(child?.pid)) process.kill(pid, 'SIGCONT');
    },
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function childrenOf(pid: number | undefined): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', `${pid}`], { encoding: 'utf8' });
  return stdout.split('\n').map(Number).filter(Boolean);
}

/** PostgreSQL does not run as root. */
function unprivilegedUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (kind: string) => {
    const { stdout } = spawnSync('id', [kind, 'postgres'], { encoding: 'utf8' });
    return Number(stdout) || 65_534;
  };
  return { uid: id('-u'), gid: id('-g') };
}
