import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError } from '../../src/index.js';
import { type AnyClient, KINDS, type Kind, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, World, type WorldOptions } from './support/world.js';

/** What goes to a token endpoint, and what comes back. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

function providerOf(world: World, delayMs = 0): Provider {
  const client = { client_id: 'gateway', client_secret: 'CLIENT-SECRET' };
  return new Provider({ client, tokens: world.issue() }, delayMs);
}

async function connect(kind: Kind, world: World, authProvider: Provider): Promise<AnyClient> {
  const client = kind.client();
  opened.push(() => client.close());
  await client.connect(kind.make(kind.url(world), { ...trusting(world), authProvider }));
  // Its stream opens beside.
  await new Promise((resolve) => setTimeout(resolve, 50));
  return client;
}

describe.each(KINDS)('$name', (kind) => {
  it.each([0, 20])(
    'three calls at the moment of expiry use the refresh token once (a store that takes %i ms)',
    async (delayMs) => {
      const world = await start();
      const provider = providerOf(world, delayMs);
      const client = await connect(kind, world, provider);
      world.accessTokens.clear();
      const calls = await Promise.allSettled([1, 2, 3].map(() => client.listTools()));
      expect(calls.map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
      expect(world.revoked).toBe(false);
      expect(provider.invalidated).toEqual([]);
      expect(provider.sentTo).toEqual([]);
    },
  );

  it('a token that expires again is refreshed again', async () => {
    const world = await start();
    const client = await connect(kind, world, providerOf(world));
    for (let i = 0; i < 3; i++) {
      world.accessTokens.clear();
      expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    }
    expect(world.grants).toEqual(Array(3).fill('refresh_token'));
  });

  it('a refresh token that does not rotate brings a new access token each time', async () => {
    const as: Behaviour = ({ path }, response, world) => {
      if (path !== '/token') return undefined;
      const { refresh_token: _, ...answer } = world.issue();
      world.grants.push('refresh_token');
      return json(response, 200, answer);
    };
    const world = await start({ as });
    const client = await connect(kind, world, providerOf(world));
    for (let i = 0; i < 3; i++) {
      world.accessTokens.clear();
      expect((await client.listTools()).tools.length).toBeGreaterThan(0);
    }
    expect(world.grants.length).toBe(3);
  });

  /** What the application is told, and logs. */
  async function told(
    as: Behaviour | undefined,
    registered?: Record<string, unknown>,
    more: WorldOptions = {},
  ): Promise<{ text: string; code: string | undefined }> {
    const world = await start({ ...(as && { as }), ...more });
    const provider = providerOf(world);
    if (registered !== undefined) provider.kept.client = registered;
    const errors: unknown[] = [];
    const client = kind.client();
    client.onerror = (error) => errors.push(error);
    opened.push(() => client.close());
    world.accessTokens.clear();
    const transport = kind.make(kind.url(world), { ...trusting(world), authProvider: provider });
    await client.connect(transport).catch((error) => errors.push(error));
    await transport.finishAuth('THE-CODE').catch((error) => errors.push(error));
    const text = errors.map((error) => String((error as Error).message)).join('\n');
    return { text, code: errors.map((error) => explainTlsError(error)?.code).find(Boolean) };
  }

  const tokenAnswer =
    (status: number, body: string, type = 'application/json'): Behaviour =>
    ({ path }, response) => {
      if (path !== '/token') return undefined;
      response.writeHead(status, { 'content-type': type }).end(body);
      return true;
    };

  it('a long answer of a token endpoint is not quoted, and no byte of what it reflects', async () => {
    const as: Behaviour = ({ path, body, headers }, response) => {
      if (path !== '/token') return undefined;
      response
        .writeHead(400)
        .end(`${body} ${headers.authorization} ${'\u001b[31mx'.repeat(100_000)}`);
      return true;
    };
    const { text } = await told(as);
    expect(text.length).toBeLessThan(4_000);
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/THE-CODE|CLIENT-SECRET|refresh_token=/);
  });

  it('an OAuth error is quoted in short, printable, and without what was sent', async () => {
    const as: Behaviour = ({ path, body }, response) => {
      if (path !== '/token') return undefined;
      const error_description = `bad ${body} ${'\u001b[31m\r\n'.repeat(10_000)}`;
      return json(response, 400, { error: 'invalid_request', error_description });
    };
    const { text } = await told(as);
    expect(text.length).toBeLessThan(4_000);
    expect(text).toContain('bad ');
    expect(text).not.toContain('\u001b');
    expect(text).not.toMatch(/THE-CODE|CLIENT-SECRET/);
  });

  it.each([300, 302, 304, 400, 200])(
    'an answer with the status %i is quoted in short, printable, and without what was sent in a form or a header',
    async (status) => {
      const as: Behaviour = ({ path, body, headers }, response) => {
        if (path !== '/token') return undefined;
        const basic = String(headers.authorization).replace(/^Basic /, '');
        const sent = `${body} ${body.replaceAll('%', '%25')} ${Buffer.from(basic, 'base64')}`;
        const error_description = `${sent} \u001b[31mFORGED\n${'x'.repeat(100_000)}`;
        const text = JSON.stringify({ error: 'invalid_request', error_description });
        response.writeHead(status, 'NOT\tOURS', { 'content-type': 'application/json' });
        response.end(status === 304 ? undefined : text);
        return true;
      };
      const { text } = await told(as, { client_id: 'g', client_secret: 'abc8Q~Very!Secret~Value' });
      expect(text.length).toBeLessThan(4_000);
      expect(text).not.toContain('\u001b');
      expect(text).not.toContain('OURS');
      expect(text).not.toMatch(/THE-CODE|abc8Q/);
    },
  );

  it.each([300, 302])(
    'what a token endpoint says with the status %i, and is no OAuth error, is not quoted',
    async (status) => {
      const { text } = await told(
        tokenAnswer(status, 'SERVER-TOKEN '.repeat(10_000), 'text/plain'),
      );
      expect(text.length).toBeLessThan(4_000);
      expect(text).not.toContain('SERVER-TOKEN');
    },
  );

  const FORGED = `\n\u001b[31mFORGED${'x'.repeat(100_000)}`;
  it.each([
    ['issuer', 'as', { issuer: `https://as.test/${FORGED}` }],
    ['resource', 'mcp', { resource: `https://other.test/${FORGED}` }],
    ['whole text, which is no JSON,', 'as', undefined],
  ] as const)(
    'the %s of metadata is in no error whole, nor as it is',
    async (_, whose, document) => {
      const names: Behaviour = ({ path }, response, world) => {
        if (!path.startsWith('/.well-known/')) return undefined;
        if (document === undefined) {
          response.writeHead(200, { 'content-type': 'application/json' }).end(FORGED);
          return true;
        }
        const usual =
          whose === 'as'
            ? metadataOf(world.as.origin)
            : { authorization_servers: [world.as.origin] };
        return json(response, 200, { ...usual, ...document });
      };
      const { text } = await told(undefined, undefined, { [whose]: names });
      expect(text.length).toBeLessThan(4_000);
      expect(text).not.toContain('\u001b');
    },
  );

  it('a registration at the URL of the MCP server itself is a registration', async () => {
    const mcp: Behaviour = ({ path, method, headers }, response, world) => {
      const { origin } = world.mcp;
      if (path.startsWith('/.well-known/oauth-protected-resource'))
        return json(response, 200, { resource: origin, authorization_servers: [origin] });
      if (path.startsWith('/.well-known/')) {
        return json(response, 200, {
          ...metadataOf(origin),
          registration_endpoint: kind.url(world),
        });
      }
      const accept = String(headers.accept);
      if (method !== 'POST' || accept.includes('text/event-stream')) return undefined;
      response.writeHead(400, { 'content-type': 'text/plain' }).end(FORGED);
      return true;
    };
    const world = await start({ mcp });
    const options = { trust: world.mcp.pem, lookup: world.lookup, authProvider: new Provider() };
    const client = kind.client();
    opened.push(() => client.close());
    const error: unknown = await client
      .connect(kind.make(kind.url(world), options))
      .catch((e) => e);
    const { message } = error as Error;
    expect(message.length).toBeLessThan(4_000);
    expect(message).not.toContain('\u001b');
  });

  it('an access token that no header can carry is an error of ours, without the token', async () => {
    const token = JSON.stringify({ access_token: 'TOKEN\r\nx-evil: 1', token_type: 'Bearer' });
    const { text, code } = await told(tokenAnswer(200, token));
    expect(code).toBe('MCP_TLS_BAD_ANSWER');
    expect(text).not.toContain('TOKEN');
  });

  it('what is no JSON is an error of ours, and not quoted', async () => {
    const { text, code } = await told(tokenAnswer(200, 'TOKEN and no JSON', 'text/plain'));
    expect(code).toBe('MCP_TLS_BAD_ANSWER');
    expect(text).not.toContain('TOKEN');
  });

  it('an error by the name of something that every object has is an OAuth error', async () => {
    const { text } = await told(
      tokenAnswer(400, '{"error":"constructor","error_description":"no"}'),
    );
    expect(text).toContain('no');
  });
});
