import { afterEach, expect, it } from 'vitest';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import { heldCertificate, type RequestHandler, startTlsServer } from '../../src/testing/index.js';
import { eventually } from '../support/waiting.js';

/** `maxConnections`: what one server may hold of everybody's descriptors. */

const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((one) => one.close()));
});

const certificate = await heldCertificate();

async function setUp(onRequest: RequestHandler, connectMs = 5000) {
  const server = await startTlsServer({ certificate, onRequest });
  const factory = makeCustomClientFactory(certificate.pem, {
    maxConnections: 3,
    timeout: { connectMs },
  });
  opened.push(server, factory);
  return { server, client: factory(), factory };
}

const codeOf = (call: Promise<Response>): Promise<string> =>
  call.then(
    () => 'answered',
    (error) => explainTlsError(error)?.code ?? String(error),
  );

it('requests beyond it wait, and are sent in their order', async () => {
  const order: string[] = [];
  const { server, client } = await setUp((request, response) => {
    order.push(request.url ?? '');
    setTimeout(() => response.end('x'), 20);
  });
  let most = 0;
  const calls = Array.from({ length: 20 }, async (_, i) => {
    const response = await client(`${server.url}/${i}`);
    most = Math.max(most, server.openConnections);
    return response.text();
  });
  expect(await Promise.all(calls)).toEqual(Array(20).fill('x'));
  expect(most).toBe(3);
  expect(server.records.connections).toBe(3);
  expect(order.slice(3)).toEqual(Array.from({ length: 17 }, (_, i) => `/${i + 3}`));
});

it('a server that answers nothing holds no more, and what waits for it ends by its own limit', async () => {
  const { server, client } = await setUp(() => {}, 300);
  const abort = new AbortController();
  const silent = Array.from({ length: 3 }, () => codeOf(client(server.url, abort)));
  await eventually(() => expect(server.records.requests).toHaveLength(3));
  const late = await Promise.all(Array.from({ length: 5 }, () => codeOf(client(server.url))));
  expect(new Set(late)).toEqual(new Set(['MCP_TLS_TIMEOUT']));
  const aborted = new AbortController();
  const waiting = client(server.url, aborted).catch((error: Error) => error.name);
  aborted.abort();
  expect(await waiting).toBe('AbortError');
  expect(server.openConnections).toBe(3);
  abort.abort();
  await Promise.all(silent);
});

it('connections that break make room, also those that were never made', async () => {
  const { server, client } = await setUp((_request, response) => void response.end('x'));
  server.reset();
  const broken = await Promise.all(Array.from({ length: 10 }, () => codeOf(client(server.url))));
  expect(new Set(broken)).toEqual(new Set(['MCP_TLS_UNREACHABLE']));
  server.recover();
  const bodies = Array.from({ length: 10 }, async () => (await client(server.url)).text());
  expect(await Promise.all(bodies)).toEqual(Array(10).fill('x'));
});

it('a connection that is given up while it is made is ended, and makes room', async () => {
  const { server, client } = await setUp((_request, response) => void response.end('x'));
  server.stall('handshake');
  for (let i = 0; i < 30; i++) {
    await codeOf(client(server.url, { signal: AbortSignal.timeout(5) }));
  }
  const abort = new AbortController();
  const together = Array.from({ length: 20 }, () => codeOf(client(server.url, abort)));
  await eventually(() => expect(server.openConnections).toBeGreaterThan(0));
  abort.abort();
  await Promise.all(together);
  // It was all fifty of them.
  expect(server.openConnections).toBeLessThanOrEqual(15);
  await eventually(() => expect(server.openConnections).toBe(0), 2000);
  server.recover();
  expect(await (await client(server.url)).text()).toBe('x');
});

it('a factory that closes ends those that wait', async () => {
  const { server, client, factory } = await setUp(() => {});
  const calls = Array.from({ length: 6 }, () => codeOf(client(server.url)));
  await eventually(() => expect(server.records.requests).toHaveLength(3));
  await factory.close();
  expect(new Set(await Promise.all(calls))).toEqual(new Set(['MCP_TLS_CLOSED']));
});

it('is a whole number from 1', () => {
  for (const maxConnections of [0, -1, 1.5, Number.NaN, '3', null]) {
    expect(() =>
      makeCustomClientFactory(null, { maxConnections: maxConnections as number }),
    ).toThrow(/maxConnections/);
  }
});
