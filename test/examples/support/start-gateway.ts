import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../support/waiting.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of many shapes, compared with what is expected.
  readonly body: any;
}

export interface Ask {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the right one. */
  readonly token?: string | undefined;
}

/** The gateway as its reader starts it, in processes of its own. */
export interface Gateway {
  readonly url: string;
  readonly token: string;
  readonly dataDir: string;
  /** The pids of its workers. */
  readonly workers: readonly number[];
  /** What it printed so far. */
  output(): string;
  /** Asks `/api/` and this path over a new connection, which goes to the next worker. */
  ask(path: string, what?: Ask): Promise<Answer>;
  /** Asks until every worker has answered, and gives one answer of each. */
  askAll(path: string, what?: Ask): Promise<readonly Answer[]>;
  /** The fingerprint of one of its own servers that it printed last. */
  fingerprint(name: string): string;
  /** Ends it as Ctrl-C does. @returns its exit code */
  stop(): Promise<number | null>;
}

export interface GatewayOptions {
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

export function freshDataDir(): string {
  return mkdtempSync(join(tmpdir(), 'mcp-tls-gateway-'));
}

/** Starts it over the built package, with a data directory that is removed when it stops. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const dataDir = options.dataDir ?? freshDataDir();
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', 'examples/gateway/main.ts', ...(options.args ?? [])],
    { cwd: ROOT, env: { ...process.env, PORT: '0', DATA_DIR: dataDir, ...options.env } },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const exited = once(child, 'exit');
  await eventually(() => {
    if (child.exitCode !== null) return;
    if (!/^Workers .*\n/m.test(output)) throw new Error(`it has not started: ${output}`);
  }, 30_000);
  if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output}`);
  const [, url = '', token = ''] = /^Page +(\S+)#token=(\S+)$/m.exec(output) ?? [];
  const workers = (/^Workers +(.*)$/m.exec(output)?.[1] ?? '').split(', ').map(Number);

  const ask: Gateway['ask'] = (path, what = {}) => send(new URL(`api/${path}`, url), token, what);
  return {
    url,
    token,
    dataDir,
    workers,
    output: () => output,
    ask,
    async askAll(path, what) {
      const answers = new Map<number, Answer>();
      return eventually(async () => {
        const answer = await ask(path, what);
        answers.set(Number(answer.body.worker), answer);
        if (answers.size < workers.length) throw new Error('not all workers have answered');
        return [...answers.values()];
      });
    },
    fingerprint(name) {
      const found = [...output.matchAll(new RegExp(`^ *${name} +SHA-256 (\\S+)$`, 'gm'))].at(-1);
      if (found?.[1] === undefined) throw new Error(`no fingerprint of ${name} was printed`);
      return found[1];
    },
    async stop() {
      child.kill('SIGTERM');
      const [code] = await exited;
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
      return code;
    },
  };
}

function send(url: URL, right: string, what: Ask): Promise<Answer> {
  const { method, body, headers } = what;
  const token = 'token' in what ? what.token : right;
  const text = body === undefined ? '' : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    const asking = request(url, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      agent: false,
      headers: {
        ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers,
      },
    });
    asking.on('error', reject).on('response', async (response) => {
      let received = '';
      for await (const chunk of response.setEncoding('utf8')) received += chunk;
      const json = /json/.test(response.headers['content-type'] ?? '');
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: json ? JSON.parse(received) : received,
      });
    });
    asking.end(text);
  });
}
