import { afterEach, describe, expect, it } from 'vitest';
import { KINDS, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { World } from './support/world.js';

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
