import { connect, createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { fetchPeerCertificate, makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, startTlsServer, type TlsServer } from '../../src/testing/index.js';
import { CANARY, type FuzzTarget } from './target.js';

const LIMITS = { connectMs: 250, headersMs: 250, idleMs: 250, totalMs: 1500 };
const BODY = '{"ok":true}';

/** What happens to the bytes of one direction when so many have passed. */
interface Damage {
  readonly from: 'server' | 'client';
  readonly at: number;
  readonly how: 'flip' | 'drop' | 'insert' | 'repeat' | 'delay' | 'stall' | 'end' | 'reset';
  readonly length: number;
}

interface Connection {
  readonly damages: readonly Damage[];
  readonly version: 'TLSv1.2' | 'TLSv1.3';
  readonly by: 'probe' | 'fetch';
}

const CONNECTIONS: fc.Arbitrary<Connection> = fc.record({
  damages: fc.array(
    fc.record({
      from: fc.constantFrom('server', 'client'),
      // A handshake has some 2,500 bytes; its records begin at few of them.
      at: fc.oneof(fc.nat({ max: 3000 }), fc.nat({ max: 200 })),
      how: fc.constantFrom('flip', 'drop', 'insert', 'repeat', 'delay', 'stall', 'end', 'reset'),
      length: fc.integer({ min: 1, max: 64 }),
    }),
    { maxLength: 3 },
  ),
  version: fc.constantFrom('TLSv1.2', 'TLSv1.3'),
  by: fc.constantFrom('probe', 'fetch'),
});

/** TLS handshakes, and what follows them, cut, flipped and delayed between a good client and server. */
export async function handshakeTargets(): Promise<readonly FuzzTarget[]> {
  const certificate = await heldCertificate();
  const servers = {
    'TLSv1.2': await startTlsServer({ certificate, maxVersion: 'TLSv1.2' }),
    'TLSv1.3': await startTlsServer({ certificate, minVersion: 'TLSv1.3' }),
  };
  const wire = await Wire.start(servers);
  const { pem: certificatePem } = certificate;
  return [
    {
      name: 'handshakes',
      pure: false,
      input: CONNECTIONS,
      async run(connection: Connection) {
        wire.connection = connection;
        if (connection.by === 'probe') {
          const trust = certificatePem;
          const peer = await fetchPeerCertificate(wire.url, { trust, timeoutMs: LIMITS.connectMs });
          if (peer.trusted !== (peer.problems.length === 0)) throw new Error('no verdict');
          if (peer.trusted && peer.pem.trim() !== certificatePem.trim()) {
            throw new Error('damage made another certificate');
          }
          return;
        }
        const factory = makeCustomClientFactory(certificatePem, { timeout: LIMITS });
        try {
          const response = await factory()(`${wire.url}/${CANARY}`, {
            headers: { authorization: CANARY },
          });
          const body = await response.text();
          if (body !== BODY) throw new Error(`damage came through: ${body}`);
        } finally {
          await factory.close();
        }
      },
      async close() {
        await wire.close();
        await Promise.all(Object.values(servers).map((server) => server.close()));
      },
    },
  ];
}

/** A port of the loopback address that passes bytes on, and damages them as the next connection has it. */
class Wire {
  connection: Connection | undefined;
  readonly #servers: Readonly<Record<Connection['version'], TlsServer>>;
  readonly #sockets = new Set<Socket>();
  readonly #listener: Server;

  private constructor(servers: Readonly<Record<Connection['version'], TlsServer>>) {
    this.#servers = servers;
    this.#listener = createServer({ noDelay: true }, (client) => this.#pass(client));
  }

  static async start(servers: Readonly<Record<Connection['version'], TlsServer>>): Promise<Wire> {
    const wire = new Wire(servers);
    await new Promise<void>((resolve) => wire.#listener.listen(0, '127.0.0.1', resolve));
    return wire;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#listener.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#listener.close(resolve));
  }

  #pass(client: Socket): void {
    const { damages, version } = this.connection as Connection;
    const upstream = connect({ port: this.#servers[version].port, host: '127.0.0.1' });
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    const of = (from: Damage['from']): Damage[] =>
      damages.filter((one) => one.from === from).sort((a, b) => a.at - b.at);
    upstream.on('data', damaging(client, of('server'), client));
    client.on('data', damaging(upstream, of('client'), client));
  }
}

/** Writes to `to` what comes, and does each of `damages` where its place is. */
function damaging(
  to: Socket,
  damages: Damage[],
  client: Socket,
): (this: Socket, bytes: Buffer) => void {
  let passed = 0;
  let stalled = false;
  /** What comes while something is held back goes behind it. */
  let before = Promise.resolve();
  return (bytes) => {
    const begin = passed;
    passed += bytes.length;
    const here = damages.filter(({ at }) => at >= begin && at < passed);
    before = before.then(async () => {
      let rest = bytes;
      let start = begin;
      for (const { at, how, length } of here) {
        if (stalled || at < start) continue;
        to.write(rest.subarray(0, at - start));
        rest = rest.subarray(at - start);
        start = at;
        if (how === 'flip') rest[0] = (rest[0] as number) ^ (1 << (length % 8));
        else if (how === 'drop') {
          rest = rest.subarray(length);
          start += length;
        } else if (how === 'insert') to.write(Buffer.alloc(length, length));
        else if (how === 'repeat') to.write(rest.subarray(0, length));
        else if (how === 'delay') await new Promise((resolve) => setTimeout(resolve, length * 2));
        else if (how === 'end') client.end();
        else if (how === 'reset') client.resetAndDestroy();
        else stalled = true;
      }
      if (!stalled && !to.destroyed) to.write(rest);
    });
  };
}
