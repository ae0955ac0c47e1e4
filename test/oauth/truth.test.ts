import { UnauthorizedError as UnauthorizedV2 } from '@modelcontextprotocol/client';
import { UnauthorizedError as UnauthorizedV1 } from '@modelcontextprotocol/sdk/client/auth.js';
import { afterEach, describe, expect, it } from 'vitest';
import { explainTlsError, onDiagnostic } from '../../src/index.js';
import { KINDS, type Kind, trusting } from './support/kinds.js';
import { Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, World } from './support/world.js';

/** What an application, and its user, are told of a login. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

/** Connects without a token. */
async function login(kind: Kind, world: World, more: object = {}) {
  const provider = new Provider();
  const options = { ...trusting(world), authProvider: provider, ...more };
  const transport = kind.make(kind.url(world), options);
  const client = kind.client();
  opened.push(() => client.close());
  const error: unknown = await client.connect(transport).then(
    () => undefined,
    (e) => e,
  );
  return { error, provider, transport };
}

const Unauthorized = (kind: Kind) => (kind.name.startsWith('v1') ? UnauthorizedV1 : UnauthorizedV2);

/** A server that is its own authorization server, as SDK v1 takes one for whose metadata it does not get. */
const ownLogin: Behaviour = ({ path }, response, world) =>
  path.startsWith('/.well-known/oauth-authorization-server')
    ? json(response, 200, metadataOf(world.mcp.origin))
    : path === '/register'
      ? json(response, 201, { client_id: 'from-the-mcp-server', redirect_uris: [] })
      : undefined;

describe.each(KINDS)('$name', (kind) => {
  it('a refused metadata URL is what connect() rejects with, and nobody is sent to a login', async () => {
    // In the list, at a port where another certificate is shown.
    const namedOrigin = (it: World) => it.internal.origin.replace('internal.test', 'login.test');
    const mcp: Behaviour = (one, response, it) => {
      if (!/^\/(mcp|sse)/.test(one.path)) return ownLogin(one, response, it);
      response.setHeader('www-authenticate', `Bearer resource_metadata="${namedOrigin(it)}/prm"`);
      return json(response, 401, {});
    };
    const world = await start({ mcp });
    const more = { origins: { [namedOrigin(world)]: world.as.pem } };
    const { error, provider } = await login(kind, world, more);
    expect(explainTlsError(error)).toMatchObject({
      code: 'MCP_TLS_SELF_SIGNED',
      host: 'login.test',
    });
    expect(provider.sentTo).toEqual([]);
    expect(world.mcp.seen.map(({ path }) => path)).not.toContain('/register');
  });

  it('an origin that is not in the list is what connect() rejects with', async () => {
    const metadataUrl = 'https://named.test/prm';
    const world = await start({ mcp: ownLogin, metadataUrl });
    const { error, provider } = await login(kind, world);
    expect(explainTlsError(error)).toMatchObject({
      code: 'MCP_TLS_ADDRESS_REFUSED',
      host: 'named.test',
    });
    expect(provider.sentTo).toEqual([]);
  });

  it('metadata in the clear, as behind a proxy that ends TLS, is reported beside the login', async () => {
    const metadataUrl = 'http://mcp.test/prm';
    const world = await start({ mcp: ownLogin, metadataUrl });
    const { error, provider } = await login(kind, world);
    expect(explainTlsError(error)?.code).toBe('MCP_TLS_PLAIN_HTTP_REFUSED');
    if (kind.name.startsWith('v1')) {
      expect(error).toBeInstanceOf(Unauthorized(kind));
      expect(provider.sentTo.map(({ origin }) => origin)).toEqual([world.mcp.origin]);
    }
  });

  it('a login without a refusal has none as its cause', async () => {
    const world = await start();
    const { error, provider } = await login(kind, world);
    expect(error).toBeInstanceOf(Unauthorized(kind));
    expect(explainTlsError(error)).toBeUndefined();
    expect(provider.sentTo.map(({ origin }) => origin)).toEqual([world.as.origin]);
  });

  it.each([
    'ms-msdt:/id%20x',
    'file:///etc/passwd',
    'smb://host/share',
    'vscode://x',
    'http://as.test/authorize',
    'https://as.test@evil.test/',
  ])('the user is not sent to %s', async (authorization_endpoint) => {
    const as: Behaviour = ({ path }, response, world) =>
      path.startsWith('/.well-known/')
        ? json(response, 200, { ...metadataOf(world.as.origin), authorization_endpoint })
        : undefined;
    const world = await start({ as });
    const { error, provider } = await login(kind, world);
    expect(provider.sentTo).toEqual([]);
    expect(['MCP_TLS_REDIRECT_REFUSED', 'MCP_TLS_PLAIN_HTTP_REFUSED']).toContain(
      explainTlsError(error)?.code,
    );
  });

  it.each([
    'http://127.0.0.1:8080/authorize',
    'http://localhost/authorize',
    'http://[::1]/authorize',
  ])(
    'the user may be sent to %s, a server of their own machine',
    async (authorization_endpoint) => {
      const as: Behaviour = ({ path }, response, world) =>
        path.startsWith('/.well-known/')
          ? json(response, 200, { ...metadataOf(world.as.origin), authorization_endpoint })
          : undefined;
      const world = await start({ as });
      const { provider } = await login(kind, world);
      expect(provider.sentTo.map(({ origin }) => origin)).toEqual([
        new URL(authorization_endpoint).origin,
      ]);
    },
  );

  it('a provider that is frozen, or a class with private fields, works as it is', async () => {
    const world = await start();
    const provider = Object.freeze(new Provider());
    const { error } = await login(kind, world, { authProvider: provider });
    expect(error).toBeInstanceOf(Unauthorized(kind));
    expect(provider.sentTo.length).toBe(1);
  });
});

it('a refusal without a connection is on the channel of refusals', async () => {
  const [kind] = KINDS as [Kind];
  const refused: string[] = [];
  using _ = onDiagnostic('mcp-tls:refused', ({ code, host }) => refused.push(`${code} ${host}`));
  const world = await start({ metadataUrl: 'https://named.test/prm' });
  await login(kind, world);
  const clear = await start({ metadataUrl: 'http://mcp.test/prm' });
  await login(kind, clear);
  expect(refused).toEqual([
    'MCP_TLS_ADDRESS_REFUSED named.test',
    'MCP_TLS_PLAIN_HTTP_REFUSED mcp.test',
  ]);
});
