import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@modelcontextprotocol/client';
import { afterEach, expect, it } from 'vitest';
import { createCertificateStore, fromFile } from '../../src/core.js';
import {
  type HeldCertificate,
  heldCertificate,
  startTlsServer,
  type TlsServer,
} from '../../src/testing/index.js';
import { createServerRegistry, type PriorOptions, type ServerRegistry } from '../../src/v2.js';
import { startV2Server } from '../support/v2-server.js';

/** What the registry keeps of what servers of protocol 2026-07-28 said of themselves. */

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface World {
  readonly registry: ServerRegistry;
  readonly server: TlsServer;
  readonly certificate: HeldCertificate;
}

/** A server of the SDK v2's own, registered as `tools`. */
async function start(): Promise<World> {
  const certificate = await heldCertificate();
  const mcp = startV2Server();
  const server = await startTlsServer({
    certificate,
    onRequest: (request, response) => mcp.handle(request, response),
  });
  const store = createCertificateStore({
    keys: { id: 'test', key: Buffer.alloc(32, 1) },
    storage: 'memory',
  });
  const registry = createServerRegistry({ store });
  closers.push(() => server.close());
  closers.push(() => mcp.close());
  closers.push(() => registry.close());
  await registry.register('tools', `${server.url}/mcp`, { trust: certificate.pem });
  return { registry, server, certificate };
}

type LinkOptions = Parameters<ServerRegistry['streamableHttpClient']>[1];

/** A client that is connected, with what was kept if there is anything. */
async function connect(
  registry: ServerRegistry,
  prior?: PriorOptions,
  options?: LinkOptions,
): Promise<Client> {
  const versionNegotiation = { mode: 'auto' as const };
  const client = new Client({ name: 'v2', version: '1' }, { versionNegotiation });
  closers.push(() => client.close().catch(() => {}));
  const transport = await registry.streamableHttpClient('tools', options);
  await client.connect(transport, await registry.prior('tools', prior));
  return client;
}

const probes = ({ server }: World): number =>
  server.records.requests.filter(({ headers }) => headers['mcp-method'] === 'server/discover')
    .length;

const FIVE = { content: [{ type: 'text', text: '5' }] };
const add = (client: Client) =>
  client.callTool({ name: 'add', arguments: { a: 2, b: 3 } }) as Promise<unknown>;

it('a server that was asked once is not asked again', async () => {
  const world = await start();
  const first = await connect(world.registry);
  expect(probes(world)).toBe(1);
  expect(await world.registry.keepPrior(first)).toBe(true);
  const second = await connect(world.registry);
  expect(second.getServerCapabilities()).toEqual(first.getServerCapabilities());
  expect(await add(second)).toMatchObject(FIVE);
  expect(await world.registry.keepPrior(second)).toBe(true);
  await connect(world.registry);
  expect(probes(world)).toBe(1);
  world.registry.forgetPrior('tools');
  expect(await world.registry.prior('tools')).toEqual({});
});

it('what was kept is not to be changed by who gets it', async () => {
  const { registry } = await start();
  await registry.keepPrior(await connect(registry));
  const { prior } = await registry.prior('tools');
  expect(() => Object.assign(prior?.discover.capabilities ?? {}, { prompts: {} })).toThrow();
});

it('a server is asked again once anything of its record was written', async () => {
  const world = await start();
  const { registry, server, certificate } = world;
  const client = await connect(registry);
  expect(await registry.keepPrior(client)).toBe(true);
  await registry.update('tools', { labels: { team: 'ops' } });
  expect(await registry.prior('tools')).toEqual({});
  // Nor is it kept now, for a transport that was made before.
  expect(await registry.keepPrior(client)).toBe(false);
  // There and back again: who spoke in between is not known.
  const next = await connect(registry);
  const other = await heldCertificate();
  server.rotate(other);
  await registry.update('tools', { trust: other.pem });
  server.rotate(certificate);
  await registry.update('tools', { trust: certificate.pem });
  expect(await registry.keepPrior(next)).toBe(false);
  expect(await registry.prior('tools')).toEqual({});
});

it('a server is asked again once a file that its record names holds something else', async () => {
  const { registry, certificate } = await start();
  const folder = mkdtempSync(join(tmpdir(), 'mcp-tls-prior-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'server.crt');
  writeFileSync(file, certificate.pem);
  await registry.update('tools', { trust: { ca: fromFile(file) } });
  const client = await connect(registry);
  expect(await registry.keepPrior(client)).toBe(true);
  expect(await registry.prior('tools')).not.toEqual({});
  writeFileSync(file, (await heldCertificate()).pem);
  expect(await registry.prior('tools')).toEqual({});
  expect(await registry.keepPrior(client)).toBe(false);
  rmSync(file);
  expect(await registry.keepPrior(client)).toBe(false);
});

it('nothing is given out of a server that was revoked, or registered anew under its name', async () => {
  const { registry, server, certificate } = await start();
  await registry.keepPrior(await connect(registry));
  await registry.revoke('tools');
  await expect(registry.prior('tools')).rejects.toMatchObject({ code: 'MCP_TLS_NOT_REGISTERED' });
  await registry.register('tools', `${server.url}/mcp`, { trust: certificate.pem });
  expect(await registry.prior('tools')).toEqual({});
});

it('what one server said is not taken for another, or for another endpoint', async () => {
  const { registry, server, certificate } = await start();
  await registry.keepPrior(await connect(registry));
  await registry.register('others', `${server.url}/mcp`, { trust: certificate.pem });
  expect(await registry.prior('others')).toEqual({});
  expect(await registry.prior('tools', { endpoint: '/other' })).toEqual({});
  expect(await registry.prior('tools', { endpoint: '/mcp' })).not.toEqual({});
});

it('what one principal received is for that one, and a transport with credentials needs one', async () => {
  const { registry } = await start();
  const client = await connect(registry, {}, { auth: 'token-of-ann' });
  await expect(registry.keepPrior(client)).rejects.toMatchObject({
    code: 'MCP_TLS_INVALID_ARGUMENT',
    hint: expect.stringContaining('whose'),
  });
  expect(await registry.keepPrior(client, { principal: 'ann' })).toBe(true);
  expect(await registry.prior('tools', { principal: 'ann' })).not.toEqual({});
  expect(await registry.prior('tools', { principal: 'bob' })).toEqual({});
  expect(await registry.prior('tools')).toEqual({});
});

it('a client that has no discovery, is closed, or is over a transport of its own has nothing to keep', async () => {
  const { registry } = await start();
  const client = await connect(registry);
  await client.close();
  expect(await registry.keepPrior(client)).toBe(false);
  expect(await registry.keepPrior(new Client({ name: 'v2', version: '1' }))).toBe(false);
  const other = await start();
  expect(await registry.keepPrior(await connect(other.registry))).toBe(false);
});
