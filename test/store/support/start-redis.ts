import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@keyv/redis';
import { debianProgram } from '../../support/debian-program.js';
import { eventually, freePort } from '../../support/waiting.js';

/** A Redis of its own, that can be put into every trouble. */
export interface RedisServer {
  readonly url: string;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again, on the same port and with the same files. */
  start(): Promise<void>;
  /** Stops answering, with the connections open; and goes on. */
  hang(): void;
  goOn(): void;
  command(...words: string[]): Promise<unknown>;
  stop(): Promise<void>;
}

/** The Redis to test with: the one of TEST_REDIS_URL, or one that is started for it. */
export async function sharedRedis(): Promise<{ url: string; stop(): Promise<void> }> {
  const url = process.env['TEST_REDIS_URL'];
  return url ? { url, async stop() {} } : startRedis();
}

/** @param settings further words of its command line */
export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const program = await debianProgram('redis-server');
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-redis-'));
  const url = `redis://127.0.0.1:${port}`;
  let child: ChildProcess | undefined;

  async function start(): Promise<void> {
    const words = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', folder, '--save', ''];
    child = spawn(program, [...words, ...settings], { stdio: 'ignore' });
    await eventually(() => command('PING'));
  }

  async function kill(): Promise<void> {
    const dying = child;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    dying.kill('SIGKILL');
    await new Promise((resolve) => dying.once('exit', resolve));
  }

  async function command(...words: string[]): Promise<unknown> {
    const client = createClient({ url, socket: { reconnectStrategy: false } });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand(words);
    } finally {
      client.destroy();
    }
  }

  await start();
  return {
    url,
    kill,
    start,
    command,
    hang: () => child?.kill('SIGSTOP'),
    goOn: () => child?.kill('SIGCONT'),
    async stop() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
