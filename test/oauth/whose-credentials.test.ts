import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError, makeCustomClientFactory } from '../../src/index.js';
import type { ClientFactoryLike } from '../../src/transports/server-link.js';
import { type AnyOptions, KINDS } from './support/kinds.js';
import type { Party } from './support/parties.js';
import { type Kept, Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, World } from './support/world.js';

/**
 * A server that changes its authorization server while its client runs, without a list of origins: what belongs to
 * the first one stays with it.
 */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Which authorization server the metadata of the MCP server names, from now on. */
let names: 'as' | 'internal' | 'nobody' | 'itself' = 'as';

const behaviours = {
  mcp: ({ path }, response, world) => {
    if (path.startsWith('/.well-known/oauth-protected-resource')) {
      if (names === 'nobody') return json(response, 404, {});
      const named = names === 'itself' ? world.mcp : world[names];
      const authorization_servers = [named.origin];
      return json(response, 200, { resource: world.mcp.origin, authorization_servers });
    }
    return authorizing('mcp', { path }, response, world);
  },
  internal: (one, response, world) => authorizing('internal', one, response, world),
} satisfies Readonly<Record<string, Behaviour>>;

function authorizing(
  whose: 'mcp' | 'internal',
  { path }: { path: string },
  response: Parameters<Behaviour>[1],
  world: World,
): true | undefined {
  if (path.startsWith('/.well-known/oauth-authorization-server')) {
    return json(response, 200, metadataOf(world[whose].origin));
  }
  if (path === '/register') return json(response, 201, { client_id: 'registered there' });
  return path === '/token' ? json(response, 200, world.issue()) : undefined;
}

async function start(more: { as?: Behaviour; internal?: Behaviour } = {}): Promise<World> {
  names = 'as';
  const world = await World.start({ ...behaviours, ...more });
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

/** Stores what it was given, without the `issuer`: columns of a table. */
class ColumnsProvider extends Provider {
  override saveTokens(tokens: object): Promise<void> {
    return super.saveTokens({ ...tokens, issuer: undefined });
  }
  override saveClientInformation(client: object): Promise<void> {
    return super.saveClientInformation({ ...client, issuer: undefined });
  }
}

/** Reaches all of the world, each under its own certificate: no list is given. */
function openToAll(world: World): AnyOptions {
  const parties = [world.mcp, world.as, world.internal];
  const factories = new Map(
    parties.map(({ origin, pem }) => [
      origin,
      makeCustomClientFactory(pem, { lookup: world.lookup }),
    ]),
  );
  opened.push(() => Promise.all([...factories.values()].map((one) => one.close())));
  const clientFactory: ClientFactoryLike = ({ timeout }) => {
    return async (url, init) => {
      const { origin } = new URL(url);
      const client = factories.get(origin)?.({ url: origin, timeout });
      if (client === undefined) throw new Error(`nobody is at ${origin}`);
      return client(url, init);
    };
  };
  return { clientFactory };
}

const kept = (world: World): Kept => ({
  client: { client_id: 'gateway', client_secret: 'SECRET' },
  tokens: { ...world.issue(), access_token: 'old' },
});

/** All that was sent to an endpoint for tokens, in the clear. */
function tokenRequestsOf({ seen }: Party): string {
  const requests = seen.filter(({ path }) => path === '/token');
  return requests
    .map(({ headers, body }) => {
      const basic = headers.authorization?.replace(/^Basic /, '') ?? '';
      return `${Buffer.from(basic, 'base64')} ${body}`;
    })
    .join('\n');
}

const LATER = [
  ['another origin', 'internal'],
  ['itself', 'itself'],
  ['nobody, as whom SDK v1 takes it for its own', 'nobody'],
] as const;

describe.each(KINDS)('$name', ({ url, make, client }) => {
  it.each(LATER)(
    'a refresh token and a client secret do not follow a server that names %s later',
    async (_, later) => {
      const world = await start();
      const provider = new ColumnsProvider(kept(world));
      const transport = make(url(world), { ...openToAll(world), authProvider: provider });
      const one = client();
      opened.push(() => one.close());
      await one.connect(transport);
      expect(tokenRequestsOf(world.as)).toContain('SECRET');
      const refresh = String(provider.kept.tokens?.['refresh_token']);
      expect(provider.kept.tokens).not.toHaveProperty('issuer', expect.anything());

      names = later;
      world.accessTokens.clear();
      await one.listTools().catch(() => {});
      for (const party of [world.mcp, world.internal]) {
        expect(tokenRequestsOf(party)).not.toContain(refresh);
        expect(tokenRequestsOf(party)).not.toContain('SECRET');
      }
    },
  );

  it.each(LATER)(
    'a code does not follow a server that names %s after the login',
    async (_, later) => {
      const world = await start();
      const provider = new ColumnsProvider({ client: kept(world).client });
      const transport = make(url(world), { ...openToAll(world), authProvider: provider });
      opened.push(() => transport.close());
      await client()
        .connect(transport)
        .catch(() => {});
      expect(provider.sentTo.map(({ origin }) => origin)).toEqual([world.as.origin]);

      names = later;
      const error = await transport.finishAuth('CODE').catch((e) => e);
      for (const party of [world.mcp, world.internal]) {
        expect(tokenRequestsOf(party)).not.toContain('CODE');
      }
      expect(explainTlsError(error)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
    },
  );

  it('a refresh token that comes with the same access token as before stays with who gave it', async () => {
    let access = '';
    const as: Behaviour = ({ path }, response, world) => {
      if (path !== '/token') return undefined;
      world.accessTokens.add(access);
      return json(response, 200, {
        ...world.issue(),
        access_token: access,
        refresh_token: 'ROTATED',
      });
    };
    const world = await start({ as });
    const tokens = world.issue();
    access = String(tokens['access_token']);
    world.accessTokens.clear();
    const provider = new ColumnsProvider({ client: { client_id: 'public' }, tokens });
    const transport = make(url(world), { ...openToAll(world), authProvider: provider });
    const one = client();
    opened.push(() => one.close());
    await one.connect(transport);
    expect(provider.kept.tokens?.['refresh_token']).toBe('ROTATED');
    names = 'internal';
    world.accessTokens.clear();
    await one.listTools().catch(() => {});
    expect(world.internal.seen.length).toBeGreaterThan(0);
    expect(tokenRequestsOf(world.internal)).not.toContain('ROTATED');
  });

  it.each([
    ['is under way', undefined],
    ['is an error of the server', 500],
  ])(
    'secrets reach no second authorization server while the answer of the first one %s',
    async (_, status) => {
      const as: Behaviour = async ({ path }, response) => {
        if (path !== '/token') return undefined;
        names = 'internal';
        if (status !== undefined) return json(response, status, { error: 'server_error' });
        await new Promise((resolve) => setTimeout(resolve, 400));
        return undefined;
      };
      const world = await start({ as });
      const tokens = world.issue();
      const provider = new ColumnsProvider({ client: kept(world).client, tokens });
      const transport = make(url(world), { ...openToAll(world), authProvider: provider });
      const one = client();
      opened.push(() => one.close());
      await one.connect(transport);
      world.accessTokens.clear();
      const first = one.listTools().catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 100));
      await one.listTools().catch(() => {});
      await first;
      expect(tokenRequestsOf(world.as)).toContain('SECRET');
      expect(world.internal.seen.length).toBeGreaterThan(0);
      expect(tokenRequestsOf(world.internal)).not.toContain('SECRET');
      expect(tokenRequestsOf(world.internal)).not.toContain(String(tokens['refresh_token']));
    },
  );

  it('a client that its first authorization server does not know is sent to the next one', async () => {
    const as: Behaviour = ({ path }, response) =>
      path === '/token' ? json(response, 401, { error: 'invalid_client' }) : undefined;
    const world = await start({ as });
    const client_secret = 'SECRET';
    const provider = new ColumnsProvider();
    const options = { ...openToAll(world), authProvider: provider };
    for (const where of ['as', 'internal'] as const) {
      names = where;
      provider.kept.client = { client_id: 'gateway', client_secret };
      provider.kept.tokens = { access_token: where, refresh_token: where, token_type: 'Bearer' };
      const transport = make(url(world), options);
      opened.push(() => transport.close());
      await client()
        .connect(transport)
        .catch(() => {});
    }
    expect(tokenRequestsOf(world.internal)).toContain('SECRET');
  });

  it('a second 401 while a person is being sent to a login does not let its code go elsewhere', async () => {
    let isArmed = false;
    let calls = 0;
    let answer = (): void => {};
    const secondAnswers = new Promise<void>((resolve) => {
      answer = resolve;
    });
    let isSecond = false;
    const mcp: Behaviour = async (one, response, world) => {
      const isMetadata = one.path.startsWith('/.well-known/');
      // The login of the second call gets no further than this.
      if (isMetadata && isSecond) await new Promise((resolve) => setTimeout(resolve, 1_000));
      const isCall = isArmed && one.method === 'POST' && !isMetadata && one.path !== '/token';
      if (!isCall || ++calls !== 2) return behaviours.mcp(one, response, world);
      await secondAnswers;
      isSecond = true;
      return world.challenge(response, 401);
    };
    names = 'as';
    const world = await World.start({ ...behaviours, mcp });
    opened.push(() => world[Symbol.asyncDispose]());
    class SlowProvider extends ColumnsProvider {
      override async saveCodeVerifier(verifier: string): Promise<void> {
        answer();
        await new Promise((resolve) => setTimeout(resolve, 150));
        await super.saveCodeVerifier(verifier);
      }
    }
    const tokens = { ...world.issue(), refresh_token: undefined };
    const provider = new SlowProvider({ client: { client_id: 'public' }, tokens });
    const transport = make(url(world), { ...openToAll(world), authProvider: provider });
    opened.push(() => transport.close());
    const one = client();
    await one.connect(transport);
    await new Promise((resolve) => setTimeout(resolve, 50));
    world.accessTokens.clear();
    isArmed = true;
    const first = one.listTools().catch(() => {});
    void one.listTools().catch(() => {});
    await first;
    expect(provider.sentTo.map(({ origin }) => origin)).toEqual([world.as.origin]);
    isSecond = false;
    names = 'internal';
    const error = await transport.finishAuth('CODE').catch((e) => e);
    expect(tokenRequestsOf(world.internal)).not.toContain('CODE');
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
  });

  it('a code of a login does not follow the server when another transport of the provider finishes it', async () => {
    const world = await start();
    const provider = new ColumnsProvider({ client: kept(world).client });
    const options = { ...openToAll(world), authProvider: provider };
    const began = make(url(world), options);
    opened.push(() => began.close());
    await client()
      .connect(began)
      .catch(() => {});
    names = 'internal';
    const finishes = make(url(world), options);
    opened.push(() => finishes.close());
    const error = await finishes.finishAuth('CODE').catch((e) => e);
    expect(tokenRequestsOf(world.internal)).not.toContain('CODE');
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
  });

  it('a refresh token does not go to a server that named another authorization server, which was refused', async () => {
    const world = await start();
    const provider = new ColumnsProvider(kept(world));
    const { mcp, lookup } = world;
    const options = { trust: mcp.pem, lookup, authProvider: provider };
    const transport = make(url(world), options);
    opened.push(() => transport.close());
    const refused = await client()
      .connect(transport)
      .catch((e) => e);
    expect(explainTlsError(refused)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
    names = 'nobody';
    const finished = await transport.finishAuth('CODE').catch((e) => e);
    const again = await client()
      .connect(make(url(world), options))
      .catch((e) => e);
    expect(explainTlsError(finished)?.code).toBe('MCP_TLS_ADDRESS_REFUSED');
    expect(again).toBeDefined();
    expect(tokenRequestsOf(mcp)).not.toContain('CODE');
  });

  it('the next transport of a provider knows whose its tokens are', async () => {
    const world = await start();
    const provider = new ColumnsProvider(kept(world));
    const options = { ...openToAll(world), authProvider: provider };
    const one = client();
    await one.connect(make(url(world), options));
    await one.close();
    const refresh = String(provider.kept.tokens?.['refresh_token']);
    names = 'internal';
    world.accessTokens.clear();
    const other = client();
    opened.push(() => other.close());
    await other.connect(make(url(world), options)).catch(() => {});
    expect(world.internal.seen.length).toBeGreaterThan(0);
    expect(tokenRequestsOf(world.internal)).not.toContain(refresh);
  });

  it('a client secret that an authorization server knows goes to no other, though it gave no token', async () => {
    let refused = 0;
    const as: Behaviour = ({ path }, response) => {
      if (path !== '/token') return undefined;
      refused++;
      names = 'internal';
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
      names = where;
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
      names = where;
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
    names = 'itself';
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
