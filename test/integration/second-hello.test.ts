import { createServer as createProxy } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { nodeOffersPostQuantum } from '../../src/connect/tls-runtime.js';
import {
  type CustomClientFactoryOptions,
  explainTlsError,
  fetchPeerCertificate,
  makeCustomClientFactory,
  onDiagnostic,
  TlsConnectionError,
  type TrustPolicy,
} from '../../src/index.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { registryParts } from '../support/registry-parts.js';

/** A first message of TLS that does not fit into one packet, and what lies between that does not let it through. */

const { open } = registryParts();
const cleanups: (() => unknown)[] = [];
let certificate: HeldCertificate;
let foreign: HeldCertificate;

beforeAll(async () => {
  certificate = await heldCertificate();
  foreign = await heldCertificate();
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

type Behaviour =
  | 'resets a large one'
  | 'closes at a large one'
  | 'swallows a large one'
  | 'swallows a large one and refuses a small one'
  | 'resets all'
  | 'swallows all'
  | 'answers a large one with an alert'
  | 'resets a large one after half of an answer';

interface Middlebox {
  readonly url: string;
  readonly port: number;
  /** Bytes of the first message of each connection, in their order. */
  readonly hellos: number[];
  readonly open: ReadonlySet<Socket>;
}

const LARGE = 1_400;

/** A record of TLS with the alert handshake_failure. */
const ALERT = Buffer.from([21, 3, 3, 0, 2, 2, 40]);

/** Lets bytes through to the server, after a look at the first record of each connection. */
async function middlebox(server: TlsServer, behaviour: Behaviour): Promise<Middlebox> {
  const hellos: number[] = [];
  const open = new Set<Socket>();
  const box = createServer((client) => {
    open.add(client);
    client.on('error', () => {}).on('close', () => open.delete(client));
    cleanups.push(() => client.destroy());
    let seen = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      seen = Buffer.concat([seen, chunk]);
      const size = seen.length < 5 ? Number.POSITIVE_INFINITY : 5 + seen.readUInt16BE(3);
      if (seen.length < size) return;
      client.off('data', onData);
      hellos.push(size);
      decide(client, behaviour, size > LARGE, () => pass(client, server.port, seen));
    };
    client.on('data', onData);
  });
  box.listen(0, '127.0.0.1');
  await new Promise((resolve) => box.once('listening', resolve));
  cleanups.push(() => box.close());
  const { port } = box.address() as { port: number };
  return { url: `https://127.0.0.1:${port}`, port, hellos, open };
}

function decide(client: Socket, behaviour: Behaviour, isLarge: boolean, pass: () => void): void {
  if (!isLarge && behaviour.endsWith('refuses a small one')) return void client.end(ALERT);
  if (!isLarge && !behaviour.endsWith(' all')) return void pass();
  if (behaviour.startsWith('swallows')) return;
  if (behaviour.startsWith('closes')) return void client.end();
  if (behaviour.includes('alert')) return void client.end(ALERT);
  if (!behaviour.includes('half')) return void client.resetAndDestroy();
  client.write(Buffer.from([22, 3, 3]));
  setTimeout(() => client.resetAndDestroy(), 50);
}

function pass(client: Socket, port: number, first: Buffer): void {
  const onward = connect(port, '127.0.0.1');
  cleanups.push(() => onward.destroy());
  onward.on('error', () => client.destroy());
  onward.write(first);
  client.pipe(onward).pipe(client);
}

async function between(behaviour: Behaviour, shown = certificate): Promise<Middlebox> {
  const server = await startTlsServer({ certificate: shown });
  cleanups.push(() => server.close());
  return middlebox(server, behaviour);
}

/** What a request comes to, and what was reported of it. */
async function ask(
  { url }: Pick<Middlebox, 'url'>,
  policy: Partial<TrustPolicy> = {},
  options: CustomClientFactoryOptions = {},
) {
  const reported: unknown[] = [];
  const listening = onDiagnostic('mcp-tls:second-hello', (message) => void reported.push(message));
  const factory = makeCustomClientFactory(
    { ca: certificate.pem, ...policy } as TrustPolicy,
    options,
  );
  cleanups.push(
    () => factory.close(),
    () => listening[Symbol.dispose](),
  );
  const result = await factory({ url })(url).then(
    ({ status }) => ({ status }),
    (error) => explainTlsError(error) as TlsConnectionError,
  );
  return { result, reported };
}

const hasLarge = nodeOffersPostQuantum();

// Node.js 20 sends 340 bytes: nothing there is lost, and nothing is sent twice.
describe.runIf(hasLarge)(
  'a first message that is large since it offers a post-quantum group',
  () => {
    it.each(['resets a large one', 'closes at a large one'] as const)(
      'is sent once more without, where something between %s, and that is reported',
      async (behaviour) => {
        const box = await between(behaviour);
        const { result, reported } = await ask(box);
        expect(result).toEqual({ status: 200 });
        expect(reported).toEqual([{ host: '127.0.0.1', port: box.port, reason: 'reset' }]);
        expect(box.hellos).toHaveLength(2);
        expect(box.hellos[0]).toBeGreaterThan(LARGE);
        expect(box.hellos[1]).toBeLessThan(LARGE);
      },
    );

    it('is sent once more where nothing comes back to it for half of the time there is', async () => {
      const box = await between('swallows a large one');
      const { result, reported } = await ask(box, {}, { timeout: { connectMs: 2_000 } });
      expect(result).toEqual({ status: 200 });
      expect(reported).toEqual([{ host: '127.0.0.1', port: box.port, reason: 'no answer' }]);
      expect(box.hellos).toHaveLength(2);
    });

    it('is sent no second time where the server is only slow, once something of it has come', async () => {
      const server = await startTlsServer({ certificate });
      cleanups.push(() => server.close());
      // A byte at once, and the rest late.
      const slow = createServer((client) => {
        const onward = connect(server.port, '127.0.0.1');
        cleanups.push(
          () => onward.destroy(),
          () => client.destroy(),
        );
        client.on('error', () => {}).pipe(onward);
        let isFirst = true;
        onward
          .on('error', () => {})
          .on('data', (chunk: Buffer) => {
            if (!isFirst) return void client.write(chunk);
            isFirst = false;
            client.write(chunk.subarray(0, 1));
            setTimeout(() => client.write(chunk.subarray(1)), 2_000);
          });
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => slow.once('listening', resolve));
      cleanups.push(() => slow.close());
      const url = `https://127.0.0.1:${(slow.address() as { port: number }).port}`;
      const { result, reported } = await ask({ url }, {}, { timeout: { connectMs: 3_000 } });
      expect(result).toEqual({ status: 200 });
      expect(reported).toEqual([]);
    });

    it('is not given up where the second is refused and the first was only slow', async () => {
      const server = await startTlsServer({ certificate });
      cleanups.push(() => server.close());
      let connections = 0;
      const box = createServer((client) => {
        client.on('error', () => {});
        cleanups.push(() => client.destroy());
        connections += 1;
        if (connections === 2) return void client.once('data', () => client.end(ALERT));
        client.once('data', (first: Buffer) =>
          setTimeout(() => pass(client, server.port, first), 2_600),
        );
      }).listen(0, '127.0.0.1');
      await new Promise((resolve) => box.once('listening', resolve));
      cleanups.push(() => box.close());
      const url = `https://127.0.0.1:${(box.address() as { port: number }).port}`;
      const { result, reported } = await ask({ url }, {}, { timeout: { connectMs: 4_000 } });
      expect(reported).toHaveLength(1);
      expect(result).toEqual({ status: 200 });
    });

    it.each([2_000, 0])(
      'is no longer waited for where nothing comes back to it and the second is refused, of a limit of %i ms',
      async (connectMs) => {
        const box = await between('swallows a large one and refuses a small one');
        const { result, reported } = await ask(box, {}, { timeout: { connectMs } });
        expect(result).toMatchObject({ code: 'MCP_TLS_PROTOCOL_MISMATCH' });
        expect(reported).toHaveLength(1);
        expect(box.hellos).toHaveLength(2);
      },
      20_000,
    );

    it('hides no demand for a client certificate, of a server of TLS 1.2 that got the second only', async () => {
      const server = await startTlsServer({
        certificate,
        maxVersion: 'TLSv1.2',
        clientCa: foreign.pem,
      });
      cleanups.push(() => server.close());
      const box = await middlebox(server, 'swallows a large one');
      const { result } = await ask(box, {}, { timeout: { connectMs: 2_000 } });
      expect(result).toMatchObject({ code: 'MCP_TLS_CLIENT_CERTIFICATE_REQUIRED' });
    });

    it.each([
      'answers a large one with an alert',
      'resets a large one after half of an answer',
    ] as const)('is sent no second time where something %s', async (behaviour) => {
      const box = await between(behaviour);
      const { result, reported } = await ask(box);
      expect(result).toBeInstanceOf(TlsConnectionError);
      expect(reported).toEqual([]);
      expect(box.hellos).toHaveLength(1);
    });

    it.each([['X25519MLKEM768'], [['X25519MLKEM768', 'X25519']]] as const)(
      'is sent in no other way where the policy has the groups %j',
      async (groups) => {
        const box = await between('resets a large one');
        const { result, reported } = await ask(box, { groups });
        expect(result).toMatchObject({ hint: expect.stringContaining('trust.groups') });
        expect(reported).toEqual([]);
        expect(box.hellos).toHaveLength(1);
      },
    );

    it('is small, and sent once, where the policy has other groups or no TLS 1.3', async () => {
      for (const policy of [{ groups: 'X25519' }, { maxVersion: 'TLSv1.2' }] as const) {
        const box = await between('resets a large one');
        expect((await ask(box, policy)).result).toEqual({ status: 200 });
        expect(box.hellos).toHaveLength(1);
      }
    });

    it('lowers no version: a server of TLS 1.2 is refused the second time too, where 1.3 is demanded', async () => {
      const server = await startTlsServer({ certificate, maxVersion: 'TLSv1.2' });
      cleanups.push(() => server.close());
      const box = await middlebox(server, 'resets a large one');
      const { result } = await ask(box, { minVersion: 'TLSv1.3' });
      expect(result).toMatchObject({ code: 'MCP_TLS_PROTOCOL_MISMATCH' });
      expect(box.hellos).toHaveLength(2);
    });

    it('hides no refusal: what is presented the second time is judged as ever', async () => {
      const box = await between('resets a large one', foreign);
      const { result } = await ask(box);
      expect(result).toMatchObject({ code: 'MCP_TLS_SELF_SIGNED', presented: expect.any(String) });
      expect((await fetchPeerCertificate(box.url)).trusted).toBe(false);
    });

    it('is said to have been tried without, where both are reset', async () => {
      const box = await between('resets all');
      const { result, reported } = await ask(box);
      expect(result).toMatchObject({
        code: 'MCP_TLS_UNREACHABLE',
        hint: expect.stringContaining('without the larger, post-quantum first message'),
      });
      expect(reported).toHaveLength(1);
      expect(box.hellos).toHaveLength(2);
    });

    it('is said to have been tried without, where neither is answered in time', async () => {
      const box = await between('swallows all');
      const { result } = await ask(box, {}, { timeout: { connectMs: 1_000 } });
      expect(result).toMatchObject({
        code: 'MCP_TLS_TIMEOUT',
        hint: expect.stringContaining('without the larger, post-quantum first message'),
      });
      expect(box.hellos).toHaveLength(2);
    });

    it('is sent once more for a probe and a registration as for a client', async () => {
      const box = await between('resets a large one');
      const peer = await fetchPeerCertificate(box.url, { trust: { ca: certificate.pem } });
      expect(peer).toMatchObject({ trusted: true, group: expect.not.stringContaining('MLKEM') });
      const registry = open();
      await registry.register('a', box.url, { expectFingerprint: certificate.fingerprint });
      const client = (await registry.clientFactory('a'))();
      expect((await client(box.url)).status).toBe(200);
    });

    it.each([
      { moment: 'the first', hellos: 1, isGivenUpBy: 'the signal' },
      { moment: 'both', hellos: 2, isGivenUpBy: 'the signal' },
      { moment: 'both', hellos: 2, isGivenUpBy: 'the limit' },
    ])('leaves nothing waiting where $isGivenUpBy gives up $moment', async (given) => {
      const box = await between('swallows all');
      const connectMs = given.isGivenUpBy === 'the limit' ? 600 : 2_000;
      const factory = makeCustomClientFactory({ ca: certificate.pem }, { timeout: { connectMs } });
      cleanups.push(() => factory.close());
      const ending = new AbortController();
      const asked = factory({ url: box.url })(box.url, { signal: ending.signal });
      const settled = asked.then(
        () => 'answered',
        (error: unknown) => error,
      );
      await expect.poll(() => box.hellos.length, { timeout: 3_000 }).toBe(given.hellos);
      if (given.isGivenUpBy === 'the signal') ending.abort(new Error('no more'));
      expect(await settled).toBeInstanceOf(Error);
      await expect.poll(() => box.open.size).toBe(0);
    });

    it('leaves no second tunnel on its way where the first one was only slow', async () => {
      const server = await startTlsServer({ certificate });
      let tunnels = 0;
      const waiting = new Set<Duplex>();
      const proxy = createProxy().on('connect', (_request, client: Duplex) => {
        client.on('error', () => {}).on('end', () => client.end());
        if (++tunnels === 2) {
          waiting.add(client.resume().on('close', () => waiting.delete(client)));
          return;
        }
        const onward = connect(server.port, '127.0.0.1');
        onward.on('error', () => client.destroy());
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(onward);
        setTimeout(() => onward.pipe(client), 500);
      });
      proxy.listen(0, '127.0.0.1');
      await new Promise((resolve) => proxy.once('listening', resolve));
      cleanups.push(
        () => proxy.close(),
        () => server.close(),
      );
      const { port } = proxy.address() as { port: number };
      const factory = makeCustomClientFactory(
        { ca: certificate.pem },
        { proxy: `http://127.0.0.1:${port}`, timeout: { connectMs: 800 } },
      );
      cleanups.push(() => factory.close());
      expect((await factory()(server.url)).status).toBe(200);
      expect(tunnels).toBe(2);
      await expect.poll(() => waiting.size).toBe(0);
    });

    it('leaves no connection open', async () => {
      const server = await startTlsServer({ certificate });
      cleanups.push(() => server.close());
      const box = await middlebox(server, 'swallows a large one');
      const factory = makeCustomClientFactory(
        { ca: certificate.pem },
        { timeout: { connectMs: 600 } },
      );
      const client = factory({ url: box.url });
      for (let i = 0; i < 3; i++) await (await client(box.url)).text();
      expect(box.hellos).toHaveLength(2);
      await factory.close();
      await expect.poll(() => server.openConnections).toBe(0);
    });
  },
);

describe.skipIf(hasLarge)('a first message of a Node.js that offers no post-quantum group', () => {
  it('is sent once, whatever becomes of it', async () => {
    const box = await between('resets all');
    const { result, reported } = await ask(box);
    expect(result).toMatchObject({ code: 'MCP_TLS_UNREACHABLE' });
    expect(reported).toEqual([]);
    expect(box.hellos).toHaveLength(1);
    expect(box.hellos[0]).toBeLessThan(LARGE);
  });
});
