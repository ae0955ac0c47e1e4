import { closeSync, openSync } from 'node:fs';
import type { LookupFunction } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { gzipSync } from 'node:zlib';
import { heldCertificate } from '../../src/testing/index.js';
import type { WireTrouble } from './front.js';
import { startFullPort } from './full-port.js';
import type { Misbehaviour, World } from './world.js';

/** Something that goes wrong, and how it is put right again. */
export interface Fault {
  readonly name: string;
  /**
   * Makes it so. Connections that are open are the fault's to drop: what it does to new ones only would
   * not be met by a call over an old one.
   */
  strike(world: World): Promise<undefined | (() => void)> | undefined | (() => void);
  /** Every operation succeeds all the same. */
  readonly harmless?: true;
  /** The server is the right one, and answers in HTTP: an SDK may find that it is no MCP server. */
  readonly answered?: true;
}

const DAY = 86_400_000;

const fault = (name: string, strike: Fault['strike']): Fault => ({ name, strike });

const harmless = (name: string, strike: Fault['strike']): Fault => ({
  name,
  strike,
  harmless: true,
});

function wire(name: string, trouble: WireTrouble): Fault {
  return fault(name, (world) => {
    world.front.trouble = trouble;
    world.dropConnections();
    return undefined;
  });
}

function resolver(name: string, lookup: LookupFunction): Fault {
  return fault(name, (world) => {
    world.lookup = lookup;
    world.dropConnections();
    return undefined;
  });
}

function answers(name: string, misbehaviour: Misbehaviour): Fault {
  return fault(name, (world) => {
    world.misbehave = misbehaviour;
    world.dropConnections();
    return undefined;
  });
}

const answered = (name: string, misbehaviour: Misbehaviour): Fault => ({
  ...answers(name, misbehaviour),
  answered: true,
});

/** Writes raw bytes for as long as the client takes them. */
function endless(head: string, piece: string | Buffer): Misbehaviour {
  return ({ socket }) => {
    const write = (): void => {
      while (!socket.destroyed && socket.write(piece));
      if (!socket.destroyed) socket.once('drain', write);
    };
    socket.on('error', () => {});
    socket.write(head);
    write();
  };
}

const BOMB = gzipSync(Buffer.alloc(64 * 1_048_576, ' '));

/** At each message of a handshake, in both directions: TLS 1.3 has at most six records a side. */
const ATS = (['stall', 'reset', 'half-open'] as const).flatMap((kind) => [
  ...[0, 1, 2, 3, 4, 5, 6].map((after) =>
    wire(`${kind} after ${after} of the server`, { kind, from: 'server', after }),
  ),
  ...[1, 2, 3].map((after) =>
    wire(`${kind} after ${after} of the client`, { kind, from: 'client', after }),
  ),
]);

export const FAULTS: readonly Fault[] = [
  harmless('none', () => undefined),
  fault('refused', async ({ front }) => {
    await front.stopListening();
    return undefined;
  }),
  fault('black hole', async (world) => {
    const full = await startFullPort(world.front.port);
    world.dropConnections();
    world.lookup = (_host, options, done) => {
      if (options.all) done(null, [{ address: full.address, family: 4 }]);
      else done(null, full.address, 4);
    };
    return () => full.close();
  }),
  resolver('DNS failure', (host, _options, done) => {
    setImmediate(() =>
      done(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' }), ''),
    );
  }),
  resolver('DNS without an answer', () => {}),
  resolver('DNS with an empty answer', (_host, _options, done) => done(null, [])),
  resolver('DNS with nonsense', (_host, _options, done) =>
    done(null, [{ address: 'nowhere', family: 4 }]),
  ),
  resolver('lookup that throws', () => {
    throw new Error('no resolver');
  }),
  harmless('slow DNS', (world) => {
    const { lookup } = world;
    world.lookup = (host, options, done) => void setTimeout(() => lookup(host, options, done), 150);
    return undefined;
  }),
  ...ATS,
  { ...wire('byte by byte', { kind: 'byte by byte' }), harmless: true },
  answers('1xx without end', endless('', 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n')),
  answers('endless headers', endless('HTTP/1.1 200 OK\r\n', `x-a: ${'a'.repeat(1000)}\r\n`)),
  answered(
    'endless JSON',
    endless('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n', ' '.repeat(65_536)),
  ),
  answers(
    'endless event',
    endless('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n', 'x'.repeat(65_536)),
  ),
  answers('silence', () => {}),
  answered('bomb', (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(BOMB);
  }),
  answers('not HTTP', ({ socket }) => void socket.end('SSH-2.0-OpenSSH_9.2p1\r\n')),
  {
    ...harmless('restart', async ({ front }) => {
      await front.stopListening();
      setTimeout(() => front.listen(), 20);
      await pause(60);
      return undefined;
    }),
    // It has forgotten its sessions, and says so.
    answered: true,
  },
  fault('another certificate', async (world) => {
    world.rotate(await heldCertificate({ dns: ['server.test'] }));
    world.dropConnections();
    return undefined;
  }),
  fault('250 certificates', async (world) => {
    const extra = await heldCertificate({ isCa: true });
    const { pem: certificatePem, keyPem } = world.certificate;
    world.rotate({ cert: certificatePem + extra.pem.repeat(250), key: keyPem });
    world.dropConnections();
    return undefined;
  }),
  fault('10,000 names', async (world) => {
    const dns = Array.from({ length: 10_000 }, (_, i) => `host-${i}.server.test`);
    world.rotate(await heldCertificate({ dns }));
    world.dropConnections();
    return undefined;
  }),
  fault('clock ahead by 400 days', (world) => clockBy(world, 400 * DAY)),
  fault('clock behind by 400 days', (world) => clockBy(world, -400 * DAY)),
  fault('descriptors exhausted', (world) => {
    world.dropConnections();
    const taken: number[] = [];
    try {
      for (;;) taken.push(openSync('/dev/null', 'r'));
    } catch {
      // As many as there are.
    }
    return () => taken.splice(0).forEach((one) => void closeSync(one));
  }),
  harmless('memory short', () => {
    const held: string[][] = [];
    // Strings of their own, one small object each: on the heap, of which members have 200 MB.
    while (getHeapStatistics().used_heap_size < 120e6) {
      held.push(Array.from({ length: 10_000 }, (_, i) => `${held.length}:${i}`));
    }
    return () => void held.splice(0);
  }),
];

function clockBy(world: World, milliseconds: number): () => void {
  world.dropConnections();
  const RealDate = globalThis.Date;
  globalThis.Date = class extends RealDate {
    constructor(...given: unknown[]) {
      super(...((given.length === 0 ? [RealDate.now() + milliseconds] : given) as [number]));
    }
    static override now = (): number => RealDate.now() + milliseconds;
  } as DateConstructor;
  return () => {
    globalThis.Date = RealDate;
  };
}
