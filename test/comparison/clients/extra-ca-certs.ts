import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import * as tls from 'node:tls';
import type {
  BatteryPolicy,
  BatteryRequest,
  BatteryResponse,
  MakeBatteryClient,
} from '../../../src/testing/index.js';
import { nodeResponse } from '../support/node-response.js';
import { defaultRoots, listOf } from '../support/tls-options.js';

/** What the process is told. */
type ToChild =
  | { readonly id: number; readonly abort: true }
  | { readonly id: number; readonly url: string; readonly init: BatteryRequest };

/** What it answers; `chunk` is null at the end of a body. */
type FromChild =
  | { readonly ready: true }
  | { readonly id: number; readonly error: string }
  | { readonly id: number; readonly status: number; readonly headers: Record<string, string> }
  | { readonly id: number; readonly chunk: Uint8Array | null };

const PROGRAM = join(import.meta.dirname, 'global-fetch-child.mjs');

/** Each policy has a process of its own, as the variable is read once, when a process starts. */
export const makeClient: MakeBatteryClient = async (policy) => {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-extra-ca-'));
  const file = join(folder, 'extra.pem');
  await writeFile(file, extraCertificates(policy));
  const child = fork(PROGRAM, {
    env: { ...process.env, NODE_EXTRA_CA_CERTS: file },
    // The loader of this process is of no use to it.
    execArgv: [],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  child.setMaxListeners(0);
  await once(child, 'message');
  let requests = 0;
  return Object.assign(
    (url: string, init: BatteryRequest = {}) => ask(child, requests++, url, init),
    {
      async close() {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
        // Not before: newer lines of Node.js read the file only when they need it.
        await rm(folder, { recursive: true, force: true });
      },
    },
  );
};

/** The policy's, and those that a check has added to the default roots of this process. */
function extraCertificates({ ca }: BatteryPolicy): Buffer {
  const added = defaultRoots().filter((pem) => !tls.rootCertificates.includes(pem));
  return Buffer.concat([...listOf(ca), ...added].flatMap((pem) => [Buffer.from(pem), NEWLINE]));
}
const NEWLINE = Buffer.from('\n');

function ask(
  child: ChildProcess,
  id: number,
  url: string,
  { body, headers, method, signal }: BatteryRequest,
): Promise<BatteryResponse> {
  const send = (message: ToChild): void => void child.send(message, () => {});
  return new Promise((resolve, reject) => {
    const stream = new Readable({ read() {} });
    // Nobody may be reading any more when it ends in an error.
    stream.on('error', () => {});
    const fail = (error: Error): void => {
      reject(error);
      stream.destroy(error);
    };
    child.on('message', (message: FromChild) => {
      if (!('id' in message) || message.id !== id) return;
      if ('error' in message) fail(new Error(message.error));
      else if ('status' in message) resolve(nodeResponse(message.status, message.headers, stream));
      else stream.push(message.chunk);
    });
    child.once('exit', () => fail(new Error('the process has ended')));
    signal?.addEventListener('abort', () => {
      send({ id, abort: true });
      fail(new Error('aborted'));
    });
    send({ id, url, init: { body, headers, method } as BatteryRequest });
  });
}
