import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import { eventually } from '../support/waiting.js';
import { KINDS } from './support/kinds.js';
import { type Behaviour, json, World } from './support/world.js';
import {
  behaviours,
  ColumnsProvider,
  kept,
  LATER,
  metadata,
  opened,
  openToAll,
  start,
  tokenRequestsOf,
} from './whose-credentials-setup.js';

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

      metadata.names = later;
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

      metadata.names = later;
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
    metadata.names = 'internal';
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
        metadata.names = 'internal';
        if (status !== undefined) return json(response, status, { error: 'server_error' });
        // Until the second call has found the other one.
        for (let i = 0; i < 100 && world.internal.seen.length === 0; i++) await pause(50);
        return undefined;
      };
      const world: World = await start({ as });
      const tokens = world.issue();
      const provider = new ColumnsProvider({ client: kept(world).client, tokens });
      const transport = make(url(world), { ...openToAll(world), authProvider: provider });
      const one = client();
      opened.push(() => one.close());
      await one.connect(transport);
      world.accessTokens.clear();
      const first = one.listTools().catch(() => {});
      await eventually(() => expect(tokenRequestsOf(world.as)).toContain('SECRET'));
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
      metadata.names = where;
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
    metadata.names = 'as';
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
    metadata.names = 'internal';
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
    metadata.names = 'internal';
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
    metadata.names = 'nobody';
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
    metadata.names = 'internal';
    world.accessTokens.clear();
    const other = client();
    opened.push(() => other.close());
    await other.connect(make(url(world), options)).catch(() => {});
    expect(world.internal.seen.length).toBeGreaterThan(0);
    expect(tokenRequestsOf(world.internal)).not.toContain(refresh);
  });
});
