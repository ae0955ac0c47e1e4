import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import { KINDS, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Behaviour, World } from './support/world.js';

/** What an origin that is not the server's own may cost, where nothing is said of limits. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

/** 299 KB that become 300 MB. */
const bomb = gzipSync(Buffer.alloc(300 * 1_048_576, ' '));

const isMetadata = (path: string): boolean => path.startsWith('/.well-known/');

const sendsBomb: Behaviour = ({ path }, response) => {
  if (!isMetadata(path)) return undefined;
  response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
  response.end(bomb);
  return true;
};

/** A byte now and then, for ever. */
function drips(response: Parameters<Behaviour>[1]): true {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 50);
  response.once('close', () => clearInterval(timer));
  return true;
}

describe.each(KINDS)('$name', ({ url, make, client }) => {
  it('metadata of a listed origin that unpacks to 300 MB is cut off at 4 MiB', async () => {
    const world = await start({ as: sendsBomb });
    const transport = make(url(world), { ...trusting(world), authProvider: new Provider() });
    opened.push(() => transport.close());
    const before = process.memoryUsage().rss;
    const error = await client()
      .connect(transport)
      .catch((e) => e);
    expect(explainTlsError(error)).toMatchObject({
      code: 'MCP_TLS_BAD_ANSWER',
      host: 'as.test',
      message: expect.stringContaining('more than 4194304 bytes'),
    });
    expect((process.memoryUsage().rss - before) / 1_048_576).toBeLessThan(100);
  });
});

describe('the time of a request to another origin', () => {
  async function clientOf(world: World, timeout = {}) {
    const factory = makeCustomClientFactory(world.mcp.pem, {
      origins: { [world.as.origin]: world.as.pem },
      lookup: world.lookup,
      timeout,
    });
    opened.push(() => factory.close());
    return factory({ url: world.httpUrl });
  }

  /** Resolves with what a request came to, and how long it took by the clock that is turned on. */
  async function outcome(call: Promise<Response>): Promise<{ code: string; afterMs: number }> {
    const startedAt = Date.now();
    const text = call.then((response) => response.text());
    const settled = text.then(
      () => 'an answer',
      (error) => explainTlsError(error)?.code ?? String(error),
    );
    let code: string | undefined;
    void settled.then((value) => {
      code = value;
    });
    // The sockets are real, the clock is not.
    for (let turn = 0; code === undefined && turn < 400; turn++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (turn > 100) await vi.advanceTimersByTimeAsync(500);
    }
    return { code: code ?? 'pending', afterMs: Date.now() - startedAt };
  }

  it.each([
    ['says nothing', (): true => true],
    [
      'sends a byte now and then',
      (_: unknown, response: Parameters<Behaviour>[1]) => drips(response),
    ],
  ] as const)('ends after 30 s where the origin %s', async (_, as) => {
    const world = await start({ as: as as Behaviour });
    const fetch = await clientOf(world, { headersMs: 600_000, totalMs: 0 });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] });
    const result = await outcome(fetch(`${world.as.origin}/token`, { method: 'POST', body: 'x' }));
    expect(result.code).toBe('MCP_TLS_TIMEOUT');
    expect(result.afterMs).toBeGreaterThan(29_000);
    expect(result.afterMs).toBeLessThan(32_000);
  });

  it('may be shorter, and is not that of the server itself', async () => {
    const world = await start({ as: (): true => true, mcp: (): true => true });
    const fetch = await clientOf(world, { totalMs: 200 });
    const code = (call: Promise<unknown>) => call.catch((e) => explainTlsError(e)?.code);
    expect(await code(fetch(world.as.origin))).toBe('MCP_TLS_TIMEOUT');
    expect(await code(fetch(world.httpUrl))).toBe('MCP_TLS_TIMEOUT');
  });

  it('an event stream of another origin ends too', async () => {
    const as: Behaviour = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(': open\n\n');
      return true;
    };
    const world = await start({ as });
    const fetch = await clientOf(world, { totalMs: 300 });
    const headers = { accept: 'text/event-stream' };
    const text = (await fetch(`${world.as.origin}/events`, { headers })).text();
    const error = await text.catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_TIMEOUT');
  });
});

it('packed bytes that unpack to nothing are bounded as well', async () => {
  // Empty members of gzip, one after the other.
  const nothing = Buffer.concat(Array.from({ length: 5_000 }, () => gzipSync('')));
  const as: Behaviour = (_, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' });
    const write = (): void => {
      while (response.write(nothing)) if (response.destroyed) return;
      response.once('drain', write);
    };
    write();
    return true;
  };
  const world = await start({ as });
  const factory = makeCustomClientFactory(world.mcp.pem, {
    origins: { [world.as.origin]: world.as.pem },
    lookup: world.lookup,
  });
  opened.push(() => factory.close());
  const response = await factory({ url: world.httpUrl })(world.as.origin);
  const error = await response.text().catch((e) => e);
  expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
});
