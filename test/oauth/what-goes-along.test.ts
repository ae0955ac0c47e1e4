import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import { KINDS, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, World } from './support/world.js';

/** What of an application's secrets reaches which origin. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

describe.each(KINDS)('$name', ({ url, make, client }) => {
  it('headers in requestInit reach every request to the server, and no other origin', async () => {
    const world = await start();
    const kept = { client: { client_id: 'gateway' }, tokens: world.issue() };
    world.accessTokens.clear();
    const transport = make(url(world), {
      ...trusting(world),
      authProvider: new Provider(kept),
      requestInit: { headers: { 'x-api-key': 'KEY' } },
    });
    const one = client();
    await one.connect(transport);
    await one.listTools();
    await one.close();
    const mcp = world.mcp.seen.filter(({ path }) => /^\/(mcp|sse|messages)/.test(path));
    expect(new Set(mcp.map(({ method }) => method))).toEqual(new Set(['POST', 'GET']));
    for (const { headers } of mcp) expect(headers['x-api-key']).toBe('KEY');
    expect(world.as.seen.length).toBeGreaterThan(1);
    for (const { headers } of world.as.seen) expect(headers).not.toHaveProperty('x-api-key');
  });

  it.each([
    ['a Headers', new Headers({ 'x-api-key': 'KEY' })],
    ['pairs', [['x-api-key', 'KEY']]],
  ])('headers in requestInit may be %s', async (_, headers) => {
    const world = await start();
    const [token] = [String(world.issue()['access_token'])];
    const options = { ...trusting(world), auth: token, requestInit: { headers } };
    const one = client();
    await one.connect(make(url(world), options as never));
    await one.close();
    for (const seen of world.mcp.seen) expect(seen.headers['x-api-key']).toBe('KEY');
  });

  it('a header in requestInit that is none throws when the transport is made, without its value', () => {
    const options = { trust: null, requestInit: { headers: { 'x-api-key': 'KEY\r\nx: y' } } };
    let thrown: unknown;
    try {
      make('https://mcp.test/mcp', options);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: 'MCP_TLS_INVALID_ARGUMENT' });
    expect(String((thrown as Error).message)).not.toContain('KEY');
  });
});

/** Metadata of an authorization server at the MCP server itself. */
const ownLogin: Behaviour = ({ path }, response, world) =>
  path.startsWith('/.well-known/oauth-authorization-server')
    ? json(response, 200, metadataOf(world.mcp.origin))
    : path === '/token'
      ? json(response, 200, world.issue())
      : undefined;

/** The server forgets to say who its authorization server is. */
const hidesIts: Behaviour = ({ path }, response) =>
  path.startsWith('/.well-known/oauth-protected-resource') ? json(response, 404, {}) : undefined;

describe.each(KINDS)('$name', ({ url, make, client }) => {
  const kept = () => ({
    client: { client_id: 'gateway', client_secret: 'SECRET' },
    // As one keeps it who does not know of `issuer`.
    tokens: { access_token: 'old', refresh_token: 'REFRESH', token_type: 'Bearer' },
  });

  it('credentials of a listed authorization server do not reach the MCP server, which takes its place', async () => {
    const world = await start({
      mcp: (...given) => hidesIts(...given) ?? ownLogin(...given),
    });
    const options = { ...trusting(world), authProvider: new Provider(kept()) };
    const transport = make(url(world), options);
    opened.push(() => transport.close());
    const refused = await client()
      .connect(transport)
      .catch((e) => e);
    const finished = await transport.finishAuth('CODE').catch((e) => e);
    expect(world.mcp.seen.filter(({ path }) => path === '/token')).toEqual([]);
    for (const error of [refused, finished]) {
      expect(explainTlsError(error)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
    }
  });

  it.each([
    ['no list', {}],
    ['an empty list', { origins: {} }],
  ])('a server that is its own authorization server gets them, with %s', async (_, given) => {
    const world = await start({
      mcp: (...given) => hidesIts(...given) ?? ownLogin(...given),
    });
    const { origins: __, ...options } = trusting(world);
    const provider = new Provider(kept());
    const transport = make(url(world), { ...options, ...given, authProvider: provider });
    const one = client();
    opened.push(() => one.close());
    await one.connect(transport);
    expect(world.mcp.seen.filter(({ path }) => path === '/token').length).toBeGreaterThan(0);
  });
});
