import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { Transport } from '@modelcontextprotocol/sdk/shared/transport.js';
import {
  createCertificateStore,
  createServerRegistry,
  explainTlsError,
  fromFile,
  makeCustomClientFactory,
  onDiagnostic,
  streamableHttpClient,
  type TrustPolicy,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startMcpServer,
  startTlsServer,
} from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';
import { Place, type Writer } from './place.js';

/** `record`: a registry whose record names the files. `registry`: one whose record holds what it trusts. */
export const DOORS = ['factory', 'transport', 'record', 'registry'] as const;
export type Door = (typeof DOORS)[number];

/** What happens to the files; whether something is added, taken away, or nothing changes that can be used. */
export const WAYS = [
  'a CA added, by rename',
  'a CA added, by symlink swap',
  'a CA added, by truncate and write',
  'the CA replaced, by rename',
  'the CA replaced, by symlink swap',
  'the CA replaced, by truncate and write',
  'half written',
  'pair half replaced',
  'deleted',
  'unreadable',
] as const;
export type Way = (typeof WAYS)[number];

export interface Outcome {
  readonly way: Way;
  readonly door: Door;
  /** Whether something was taken away. */
  readonly takesAway: boolean;
  readonly calls: number;
  readonly lost: number;
  /** Answered over what was taken away, though they began after the change was noticed. */
  readonly late: number;
  readonly codes: readonly string[];
}

/** Calls under way all the time; each call is of one of these. */
interface Callers {
  readonly outcome: { calls: number; lost: number; late: number; codes: Set<string> };
  /** From now on, an answer from the old server is late. */
  noticed(): void;
  end(): Promise<void>;
}

export interface RunOptions {
  readonly callers: number;
  /** Before and after the change. */
  readonly ms: number;
}

/** Changes files in one way while calls are under way through one door. */
export async function runWay(way: Way, door: Door, options: RunOptions): Promise<Outcome> {
  const [before, after] = [await authority('before'), await authority('after')];
  const writer = (/by (.*)$/.exec(way)?.[1] ?? 'rename') as Writer;
  const cleanups: (() => unknown)[] = [];
  const place = new Place(writer, {
    'ca.crt': before.ca.pem,
    'tls.crt': before.client.pem,
    'tls.key': before.client.keyPem,
  });
  cleanups.push(() => place.remove());
  try {
    const call = await openDoor(door, place, before, after, cleanups);
    // What nobody has connected to yet is followed by nobody: on a busy machine the first call may take a second.
    await call.ask();
    const callers = startCallers(options.callers, call.ask);
    await sleep(options.ms);
    await change(way, place, before, after, call);
    const takesAway = way.startsWith('the CA replaced');
    if (takesAway) callers.noticed();
    await sleep(options.ms);
    await callers.end();
    const { codes, ...counts } = callers.outcome;
    return { way, door, takesAway, ...counts, codes: [...codes] };
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** A CA with what it issued, for seconds. */
interface Authority {
  readonly ca: HeldCertificate;
  readonly server: HeldCertificate;
  readonly client: HeldCertificate;
}

async function authority(name: string): Promise<Authority> {
  const notAfter = new Date(Date.now() + 30_000);
  const ca = await heldCertificate({ isCa: true, commonName: name, notAfter });
  return {
    ca,
    server: await heldCertificate({ signedBy: ca, notAfter }),
    client: await heldCertificate({ signedBy: ca, notAfter }),
  };
}

interface Opened {
  /** @returns which server certificate the connection of the answer was made under */
  ask(): Promise<'before' | 'after'>;
  /** The server has another certificate from now on. */
  rotate(): void;
  /** A registry is told by its operator. */
  update?(ca: string): Promise<unknown>;
}

async function openDoor(
  door: Door,
  place: Place,
  before: Authority,
  after: Authority,
  cleanups: (() => unknown)[],
): Promise<Opened> {
  const trust: TrustPolicy = {
    ca: fromFile(place.path('ca.crt')),
    clientCertificate: {
      cert: fromFile(place.path('tls.crt')),
      key: fromFile(place.path('tls.key')),
    },
  };
  const certificate = before.server;
  if (door === 'transport') {
    const server = await startMcpServer({ certificate, clientCa: before.ca, jsonResponse: true });
    cleanups.push(() => server.close());
    const client = new Client({ name: 'rotation', version: '1' });
    await client.connect(streamableHttpClient(server.mcpUrl, { trust }) as Transport);
    cleanups.push(() => client.close());
    // It stays as it is: under the new trust, no call of it is answered.
    const ask = () => client.listTools().then(() => 'before' as const);
    return { ask, rotate: () => {} };
  }
  const madeBefore = new WeakSet<Socket>();
  let isRotated = false;
  const server = await startTlsServer({
    certificate,
    clientCa: before.ca,
    onRequest: async ({ socket }, response) => {
      if (!isRotated) madeBefore.add(socket);
      await sleep(Math.random() * 20);
      response.end(madeBefore.has(socket) ? 'before' : 'after');
    },
  });
  cleanups.push(() => server.close());
  const rotate = (): void => {
    isRotated = true;
    server.rotate(after.server);
  };
  const asker = (client: (url: string) => Promise<Response>) => async () =>
    (await (await client(server.url)).text()) as 'before' | 'after';
  if (door === 'factory') {
    const factory = makeCustomClientFactory(trust);
    cleanups.push(() => factory.close());
    return { ask: asker(factory({ url: server.url })), rotate };
  }
  const keys = { id: 'k', key: Buffer.alloc(32, 7) };
  const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
  const registry = createServerRegistry({ store });
  cleanups.push(
    () => store.close(),
    () => registry.close(),
  );
  const { pem: cert, keyPem: key } = before.client;
  const held = { ca: before.ca.pem, clientCertificate: { cert, key } };
  await registry.register('one', server.url, { trust: door === 'record' ? trust : held });
  const factory = await registry.clientFactory('one');
  if (door === 'record') return { ask: asker(factory({ url: server.url })), rotate };
  const update = (ca: string) => registry.update('one', { trust: { ca } });
  return { ask: asker(factory({ url: server.url })), rotate, update };
}

async function change(
  way: Way,
  place: Place,
  before: Authority,
  after: Authority,
  { rotate, update }: Opened,
): Promise<void> {
  if (way.startsWith('a CA added') || way.startsWith('the CA replaced')) {
    const isReplaced = way.startsWith('the CA replaced');
    const ca = isReplaced ? after.ca.pem : before.ca.pem + after.ca.pem;
    if (isReplaced) rotate();
    if (update !== undefined) await update(ca);
    else await noticed('mcp-tls:source-changed', () => place.write({ 'ca.crt': ca }));
    return;
  }
  // A record that holds what it trusts: nothing that happens to a file is of any concern to it.
  const told = (spoil: () => void): Promise<void> =>
    update === undefined ? noticed('mcp-tls:source-failed', spoil) : Promise.resolve(spoil());
  if (way === 'half written') await told(() => place.writeHalf('ca.crt'));
  if (way === 'deleted') await told(() => place.delete('ca.crt'));
  if (way === 'unreadable') await told(() => place.makeUnreadable('ca.crt'));
  if (way === 'pair half replaced') await told(() => place.write({ 'tls.crt': after.client.pem }));
}

async function noticed(
  channel: 'mcp-tls:source-changed' | 'mcp-tls:source-failed',
  act: () => void,
): Promise<void> {
  let times = 0;
  const listening = onDiagnostic(channel, () => void times++);
  try {
    act();
    await eventually(() => {
      if (times === 0) throw new Error(`nothing on ${channel}`);
    });
  } finally {
    listening[Symbol.dispose]();
  }
}

function startCallers(count: number, ask: Opened['ask']): Callers {
  const outcome = { calls: 0, lost: 0, late: 0, codes: new Set<string>() };
  let isNoticed = false;
  let isEnding = false;
  async function caller(): Promise<void> {
    while (!isEnding) {
      const beganAfter = isNoticed;
      outcome.calls += 1;
      try {
        if ((await ask()) === 'before' && beganAfter) outcome.late += 1;
      } catch (error) {
        outcome.lost += 1;
        outcome.codes.add(explainTlsError(error)?.code ?? String(error).slice(0, 80));
        await sleep(20);
      }
    }
  }
  const running = Array.from({ length: count }, caller);
  return {
    outcome,
    noticed: () => {
      isNoticed = true;
    },
    end: async () => {
      isEnding = true;
      await Promise.all(running);
    },
  };
}
