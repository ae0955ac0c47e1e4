import { afterEach, describe, expect, it } from 'vitest';
import { KINDS, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Behaviour, World } from './support/world.js';

/** Many calls that find their token expired together. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const CLIENT = { client_id: 'gateway', client_secret: 'CLIENT-SECRET' };

describe.each(KINDS)('$name', (kind) => {
  it('forty calls that wait for one token answer count as one token', async () => {
    // All calls are refused before the first token comes.
    let refused = 0;
    let arrived = (): void => {};
    const all = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    const mcp: Behaviour = async (one, response, world) => {
      const token = one.headers.authorization?.slice(7) ?? '';
      const isCall = one.method === 'POST' && /^\/(mcp|messages)/.test(one.path);
      if (!isCall || world.accessTokens.has(token)) return undefined;
      if (++refused >= 40) arrived();
      return world.challenge(response, 401);
    };
    const as: Behaviour = async ({ path }) => {
      if (path !== '/token') return undefined;
      await all;
      await pause(100);
      return undefined;
    };
    const world = await start({ mcp, as });
    const provider = new Provider({ client: CLIENT, tokens: world.issue() });
    const client = kind.client();
    opened.push(() => client.close());
    await client.connect(
      kind.make(kind.url(world), { ...trusting(world), authProvider: provider }),
    );
    await pause(50);
    for (let expiry = 1; expiry <= 2; expiry++) {
      world.accessTokens.clear();
      if (expiry === 2) refused = 0;
      const calls = await Promise.allSettled(Array.from({ length: 40 }, () => client.listTools()));
      const failed = calls.filter(({ status }) => status === 'rejected');
      expect(failed).toEqual([]);
    }
    expect(world.revoked).toBe(false);
  });

  it('a token answer that one call saves late does not replace the tokens of the next one', async () => {
    const world = await start();
    const late: (() => void)[] = [];
    /** Tokens that were given to the store, in the order in which they got there. */
    const stored: unknown[] = [];
    class SlowProvider extends Provider {
      override async saveTokens(tokens: { refresh_token?: unknown }): Promise<void> {
        // The first of them hangs in the network for a while.
        if (stored.length === 0 && late.length === 0) {
          await new Promise<void>((resolve) => {
            late.push(resolve);
            setTimeout(resolve, 300);
          });
        }
        stored.push(tokens.refresh_token);
        await super.saveTokens(tokens);
      }
    }
    const provider = new SlowProvider({ client: CLIENT, tokens: world.issue() });
    const client = kind.client();
    opened.push(() => client.close());
    await client.connect(
      kind.make(kind.url(world), { ...trusting(world), authProvider: provider }),
    );
    await pause(50);
    world.accessTokens.clear();
    await Promise.allSettled([1, 2, 3].map(() => client.listTools()));
    await pause(400);
    // One answer, one save.
    expect(new Set(stored).size).toBe(stored.length);
    expect(world.refreshTokens.has(String(provider.kept.tokens?.['refresh_token']))).toBe(true);
  });
});
