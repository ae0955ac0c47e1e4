/** Runs what the pages of docs/migration show, in a process of its own: some of it is process-wide. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { fetch } from 'undici';
import {
  type EncryptedCertificateStore,
  explainTlsError,
  type ServerRegistry,
} from '../../../src/index.js';
import { serveCalls } from '../../store/workers/serve-calls.js';

type Exported = Record<string, (...args: unknown[]) => unknown>;

/** Of node-extra-ca-certs.md. */
let gateway: { store: EncryptedCertificateStore; registry: ServerRegistry } | undefined;

serveCalls({
  /** Calls a function of a fence; of the transport that it gives, makes a client that calls a tool. */
  async callTool(file: string, name: string, ...args: unknown[]): Promise<string> {
    return outcome(async () => echo(await call(file, name, args)));
  },
  /** The same, and waits for a notification of the server, or for what stands in its way. */
  async beNotified(file: string, name: string, ...args: unknown[]): Promise<string> {
    return outcome(async () => notification(await call(file, name, args)));
  },
  /** The wrapped fetch of own-fetch.md: how a call comes out, and what it counted. */
  async counted(file: string, ...args: unknown[]): Promise<string[]> {
    const codes: string[] = [];
    const count = (code: string) => codes.push(code);
    return [
      await outcome(async () => echo(await call(file, 'connect', [...args, count]))),
      ...codes,
    ];
  },
  async run(file: string, name: string, ...args: unknown[]): Promise<string> {
    return outcome(async () => void (await call(file, name, args)));
  },
  /** What else the process does: with undici's fetch, and without any trust of ours. */
  async otherFetch(url: string): Promise<string> {
    return outcome(async () => void (await (await fetch(url)).text()));
  },
  /** The server of undici-agent.md, in each of its uses. */
  async undiciServer(file: string, ...args: unknown[]): Promise<string[]> {
    const server = (await call(file, 'makeServer', args)) as {
      connect(): unknown;
      fetch(url: unknown): Promise<Response>;
      close(): Promise<void>;
    };
    const outcomes = [
      await outcome(() => echo(server.connect())),
      await outcome(() => notification(server.connect())),
      await outcome(async () => void (await server.fetch(args[0])).status),
    ];
    await server.close();
    return outcomes;
  },
  /** The server of axios.md, in each of its uses. */
  async axiosServer(file: string, message: object, ...args: unknown[]): Promise<string[]> {
    const server = (await call(file, 'makeServer', args)) as {
      callTool(name: string, args: object): Promise<unknown>;
      post(message: object): Promise<unknown>;
      close(): Promise<void>;
    };
    const outcomes = [
      await outcome(async () => void (await server.callTool('echo', { text: 'ok' }))),
      await outcome(async () => void (await server.post(message))),
    ];
    await server.close();
    return outcomes;
  },
  /** The registry of node-extra-ca-certs.md, set up, with a server moved to it. */
  async moveToRegistry(open: string, move: string, place: string[], server: string[]) {
    return outcome(async () => {
      gateway = (await call(open, 'openRegistry', place)) as NonNullable<typeof gateway>;
      await gateway.store.initialize();
      await call(move, 'move', [gateway.registry, ...server]);
    });
  },
  async callRegistered(file: string, id: string): Promise<string> {
    return outcome(async () => echo(await call(file, 'connect', [gateway?.registry, id])));
  },
});

async function echo(transport: unknown): Promise<string | undefined> {
  const client = new Client({ name: 'page', version: '1.0.0' });
  await client.connect(transport as Transport);
  const { content } = await client.callTool({ name: 'echo', arguments: { text: 'ok' } });
  await client.close();
  return (content as { text: string }[])[0]?.text;
}

async function notification(transport: unknown): Promise<string> {
  const client = new Client({ name: 'page', version: '1.0.0' });
  const notified = new Promise<string>((resolve, reject) => {
    client.setNotificationHandler(ToolListChangedNotificationSchema, () => resolve('ok'));
    client.onerror = reject;
  });
  notified.catch(() => {});
  await client.connect(transport as Transport);
  return notified.finally(() => client.close());
}

async function call(file: string, name: string, args: readonly unknown[]): Promise<unknown> {
  const module = (await import(file)) as Exported;
  const exported = module[name];
  if (exported === undefined) throw new Error(`${file} exports no ${name}`);
  return exported(...args);
}

/** `ok` or the result, or the code of the failure: ours, or that of the innermost cause. */
async function outcome(action: () => Promise<unknown>): Promise<string> {
  try {
    return String((await action()) ?? 'ok');
  } catch (error) {
    const ours = explainTlsError(error)?.code;
    let inner = error as { code?: unknown; cause?: unknown; message?: string };
    while (typeof inner.cause === 'object' && inner.cause !== null) inner = inner.cause;
    const { code, message } = inner;
    return ours ?? (typeof code === 'string' ? code : String(message));
  }
}
