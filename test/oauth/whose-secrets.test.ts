import { describe, expect, it } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import { KINDS } from './support/kinds.js';
import { type Behaviour, json, metadataOf, World } from './support/world.js';
import {
  authorizing,
  ColumnsProvider,
  kept,
  metadata,
  opened,
  openToAll,
  start,
  tokenRequestsOf,
} from './whose-credentials-setup.js';

describe.each(KINDS)('$name', ({ url, make, client }) => {
  it('a client secret that an authorization server knows goes to no other, though it gave no token', async () => {
    let refused = 0;
    const as: Behaviour = ({ path }, response) => {
      if (path !== '/token') return undefined;
      refused++;
      metadata.names = 'internal';
      return json(response, 400, { error: 'invalid_grant' });
    };
    const world = await start({ as });
    const provider = new ColumnsProvider(kept(world));
    const transport = make(url(world), { ...openToAll(world), authProvider: provider });
    opened.push(() => transport.close());
    await client()
      .connect(transport)
      .catch(() => {});
    await transport.finishAuth('CODE').catch(() => {});
    expect(refused).toBeGreaterThan(0);
    expect(tokenRequestsOf(world.internal)).not.toContain('SECRET');
  });

  it('a client secret is known in either spelling: in a header, and in a form', async () => {
    const methods = (all: string[]) => ({ token_endpoint_auth_methods_supported: all });
    const describes =
      (whose: 'as' | 'internal', method: string): Behaviour =>
      (one, response, world) =>
        one.path.startsWith('/.well-known/')
          ? json(response, 200, { ...metadataOf(world[whose].origin), ...methods([method]) })
          : whose === 'internal'
            ? authorizing('internal', one, response, world)
            : one.path === '/token'
              ? json(response, 400, { error: 'invalid_grant' })
              : undefined;
    const world = await start({
      as: describes('as', 'client_secret_basic'),
      internal: describes('internal', 'client_secret_post'),
    });
    const client_secret = 'S/E+C=R%54 é';
    const provider = new ColumnsProvider(kept(world));
    const options = { ...openToAll(world), authProvider: provider };
    // The second time with a refresh token that nobody has seen.
    for (const where of ['as', 'internal'] as const) {
      metadata.names = where;
      provider.kept.client = { client_id: 'g', client_secret };
      provider.kept.tokens = { access_token: where, refresh_token: where, token_type: 'Bearer' };
      const transport = make(url(world), options);
      opened.push(() => transport.close());
      await client()
        .connect(transport)
        .catch(() => {});
    }
    expect(world.as.seen.map(({ path }) => path)).toContain('/token');
    expect(world.internal.seen.map(({ path }) => path)).not.toContain('/token');
  });

  it('a public client that is the same everywhere logs in where the server has moved', async () => {
    const world = await start();
    const provider = new ColumnsProvider({ client: { client_id: 'public' } });
    const options = { ...openToAll(world), authProvider: provider };
    for (const where of ['as', 'internal'] as const) {
      metadata.names = where;
      world.accessTokens.clear();
      provider.kept.tokens = undefined;
      const transport = make(url(world), options);
      await client()
        .connect(transport)
        .catch(() => {});
      await transport.finishAuth('CODE');
      await transport.close();
      expect(tokenRequestsOf(world[where])).toContain('client_id=public');
    }
  });

  it('a token endpoint at another origin than the login gets its code', async () => {
    const as: Behaviour = ({ path }, response, world) =>
      path.startsWith('/.well-known/oauth-authorization-server')
        ? json(response, 200, {
            ...metadataOf(world.as.origin),
            token_endpoint: `${world.internal.origin}/token`,
          })
        : undefined;
    const world = await start({ as });
    const provider = new ColumnsProvider({ client: kept(world).client });
    const transport = make(url(world), { ...openToAll(world), authProvider: provider });
    opened.push(() => transport.close());
    await client()
      .connect(transport)
      .catch(() => {});
    await transport.finishAuth('CODE');
    expect(tokenRequestsOf(world.internal)).toContain('CODE');
    expect(provider.kept.tokens).toHaveProperty('access_token');
  });

  it('a server that is its own authorization server from the beginning refreshes and logs in', async () => {
    const world = await start();
    metadata.names = 'itself';
    const provider = new ColumnsProvider(kept(world));
    const options = { ...openToAll(world), authProvider: provider };
    const one = client();
    opened.push(() => one.close());
    await one.connect(make(url(world), options));
    world.accessTokens.clear();
    await one.listTools();
    expect(tokenRequestsOf(world.mcp)).toMatch(/refresh_token.*\n.*refresh_token/);
  });

  it('metadata of the server itself is read up to 4 MiB', async () => {
    const padding = 'x'.repeat(5 * 1_048_576);
    const bomb: Behaviour = (one, response, world) =>
      one.path.startsWith('/.well-known/')
        ? json(response, 200, { ...metadataOf(world.mcp.origin), padding })
        : undefined;
    const hostile = await World.start({ mcp: bomb });
    opened.push(() => hostile[Symbol.asyncDispose]());
    const provider = new ColumnsProvider(kept(hostile));
    const transport = make(url(hostile), { ...openToAll(hostile), authProvider: provider });
    opened.push(() => transport.close());
    const error = await client()
      .connect(transport)
      .catch((e) => e);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_BAD_ANSWER');
  });
});
