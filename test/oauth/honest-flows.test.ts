import { generateKeyPairSync } from 'node:crypto';
import { PrivateKeyJwtProvider as JwtV2 } from '@modelcontextprotocol/client';
import { PrivateKeyJwtProvider as JwtV1 } from '@modelcontextprotocol/sdk/client/auth-extensions.js';
import { afterEach, describe, expect, it } from 'vitest';
import { heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { type AnyOptions, KINDS, type Kind, trusting } from './support/kinds.js';
import type { Party } from './support/parties.js';
import { Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, type Seen, World } from './support/world.js';

/** What servers and authorization servers do that mean no harm, by every way that the SDKs know. */

const opened: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

async function start(...given: Parameters<typeof World.start>): Promise<World> {
  const world = await World.start(...given);
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

/** Connects, is sent to a login, comes back with a code to the transport that the SDK has closed, and calls. */
async function logIn(
  kind: Kind,
  world: World,
  options: AnyOptions & { authProvider: Provider },
): Promise<URL> {
  const transport = kind.make(kind.url(world), options);
  await expect(kind.client().connect(transport)).rejects.toThrow();
  expect(options.authProvider.sentTo).toHaveLength(1);
  await transport.finishAuth('CODE');
  await transport.close();
  const one = kind.client();
  opened.push(() => one.close());
  await one.connect(kind.make(kind.url(world), options));
  expect((await one.listTools()).tools.length).toBeGreaterThan(0);
  return options.authProvider.sentTo[0] as URL;
}

const OPENID = {
  jwks_uri: 'https://as.test/keys',
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
};

/** An authorization server whose issuer has this path, and whose metadata is at that one only. */
const documentAt =
  (issuerPath: string, at: string | undefined): Behaviour =>
  ({ path }, response, world) => {
    if (!path.includes('/.well-known/')) return undefined;
    if (path !== at) return json(response, 404, {});
    const issuer = `${world.as.origin}${issuerPath}`;
    return json(response, 200, { ...metadataOf(world.as.origin), ...OPENID, issuer });
  };

const names =
  (path: string): Behaviour =>
  (one, response, world) => {
    if (!one.path.startsWith('/.well-known/oauth-protected-resource')) return undefined;
    const authorization_servers = [`${world.as.origin}${path}`];
    return json(response, 200, { resource: world.mcp.origin, authorization_servers });
  };

/** Metadata of the server at one of the paths that are tried where no header says where it is. */
const resourceAt =
  (at: (path: string) => boolean): Behaviour =>
  ({ path, method }, response, world) => {
    if (path.startsWith('/.well-known/')) {
      return at(path) ? undefined : json(response, 404, {});
    }
    const isFirst = method !== 'DELETE' && world.accessTokens.size === 0;
    if (!isFirst || !/^\/(mcp|sse)/.test(path)) return undefined;
    return json(response, 401, { error: 'invalid_token' });
  };

const ROOT = '/.well-known/oauth-protected-resource';

describe.each(KINDS)('$name', (kind) => {
  it.each([
    ['/.well-known/oauth-authorization-server', ''],
    ['/.well-known/openid-configuration', ''],
    ['/.well-known/oauth-authorization-server/tenant', '/tenant'],
    ['/.well-known/openid-configuration/tenant', '/tenant'],
    ['/tenant/.well-known/openid-configuration', '/tenant'],
  ])(
    'an authorization server is found by %s, registered with and logged in at',
    async (at, path) => {
      const world = await start({ mcp: names(path), as: documentAt(path, at) });
      const authProvider = new Provider();
      const login = await logIn(kind, world, { ...trusting(world), authProvider });
      expect(login.origin).toBe(world.as.origin);
      expect(login.searchParams.get('client_id')).toBe('registered');
      expect(world.as.seen.map(({ path }) => path)).toContain(at);
    },
  );

  it('an authorization server without metadata is asked at the usual places', async () => {
    const world = await start({ mcp: names(''), as: documentAt('', undefined) });
    const authProvider = new Provider();
    const login = await logIn(kind, world, { ...trusting(world), authProvider });
    expect(login.href.startsWith(`${world.as.origin}/authorize?`)).toBe(true);
  });

  it.each([
    ['below its own path', (path: string) => path.startsWith(`${ROOT}/`)],
    ['at the root', (path: string) => path === ROOT],
  ])('metadata of the server that no header names is found %s', async (_, at) => {
    const world = await start({ mcp: resourceAt(at) });
    const authProvider = new Provider();
    const login = await logIn(kind, world, { ...trusting(world), authProvider });
    expect(login.origin).toBe(world.as.origin);
  });

  it('a server without metadata, which is its own authorization server, is logged in at', async () => {
    const mcp: Behaviour = (one, response, world) => {
      if (one.path.startsWith(ROOT)) return json(response, 404, {});
      const isAs = /^\/(\.well-known\/oauth-authorization-server|register|token)/.test(one.path);
      return isAs ? world.authorize(one, response, world.mcp) : undefined;
    };
    const world = await start({ mcp });
    const { origins: _, ...options } = trusting(world);
    const login = await logIn(kind, world, { ...options, authProvider: new Provider() });
    expect(login.origin).toBe(world.mcp.origin);
    expect(world.as.seen).toEqual([]);
  });

  it('metadata at a host of its own is read, if that is listed', async () => {
    const world = await start({ metadataUrl: ({ meta }) => `${meta.origin}/prm` });
    const { origins, ...options } = trusting(world);
    const listed = { ...(origins as object), [world.meta.origin]: world.meta.pem };
    const authProvider = new Provider();
    await logIn(kind, world, { ...options, origins: listed, authProvider });
    expect(world.meta.seen.map(({ path }) => path)).toContain('/prm');
  });

  it('a client is told by the URL of its metadata document, and not registered', async () => {
    const as: Behaviour = ({ path }, response, world) =>
      path.startsWith('/.well-known/')
        ? json(response, 200, {
            ...metadataOf(world.as.origin),
            client_id_metadata_document_supported: true,
          })
        : undefined;
    const world = await start({ as });
    const clientMetadataUrl = 'https://gateway.example/client.json';
    const authProvider = Object.assign(new Provider(), { clientMetadataUrl });
    const login = await logIn(kind, world, { ...trusting(world), authProvider });
    expect(login.searchParams.get('client_id')).toBe(clientMetadataUrl);
    expect(world.as.seen.map(({ path }) => path)).not.toContain('/register');
    const token = world.as.seen.find(({ path }) => path === '/token');
    expect(token?.body).toContain(encodeURIComponent(clientMetadataUrl));
  });

  it('a token that has expired is refreshed, as often as it does', async () => {
    const world = await start();
    const kept = { client: { client_id: 'gateway', client_secret: 's' }, tokens: world.issue() };
    const one = kind.client();
    opened.push(() => one.close());
    const options = { ...trusting(world), authProvider: new Provider(kept) };
    await one.connect(kind.make(kind.url(world), options));
    for (let i = 0; i < 3; i++) {
      world.accessTokens.clear();
      expect((await one.listTools()).tools.length).toBeGreaterThan(0);
    }
    // The stream that is opened beside may have met the first one.
    expect([3, 4]).toContain(world.grants.length);
    expect(new Set(world.grants)).toEqual(new Set(['refresh_token']));
  });

  // The SSE transports of both SDKs know no step-up.
  it.skipIf(kind.name.endsWith('sse'))(
    'a call that needs another scope is granted it',
    async () => {
      let asked = 0;
      const mcp: Behaviour = ({ method, path, headers }, response, world) => {
        const token = headers.authorization?.slice(7) ?? '';
        const isCall = method === 'POST' && /^\/(mcp|messages)/.test(path);
        if (!isCall || !world.accessTokens.has(token) || asked++ !== 2) return undefined;
        return world.challenge(response, 403, ', error="insufficient_scope", scope="write"');
      };
      const world = await start({ mcp });
      const kept = { client: { client_id: 'gateway' }, tokens: world.issue() };
      const authProvider = new Provider(kept);
      const transport = kind.make(kind.url(world), { ...trusting(world), authProvider });
      const one = kind.client();
      opened.push(() => one.close());
      await one.connect(transport);
      const first = await one.listTools().catch((error) => error);
      // SDK v2 asks the user for it, where it has no scope yet.
      if (authProvider.sentTo.length > 0) {
        expect(authProvider.sentTo[0]?.searchParams.get('scope')).toContain('write');
        await transport.finishAuth('CODE');
        expect((await one.listTools()).tools.length).toBeGreaterThan(0);
      } else expect(first.tools.length).toBeGreaterThan(0);
      expect(world.grants.length).toBeGreaterThan(0);
    },
  );

  it('a client that signs with a key of its own gets a token (private_key_jwt)', async () => {
    const world = await start();
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const given = { clientId: 'gateway', privateKey: pem, algorithm: 'ES256' };
    const Jwt = kind.name.startsWith('v1') ? JwtV1 : JwtV2;
    const authProvider = new Jwt(given as never) as unknown as Provider;
    const one = kind.client();
    opened.push(() => one.close());
    await one.connect(kind.make(kind.url(world), { ...trusting(world), authProvider }));
    expect((await one.listTools()).tools.length).toBeGreaterThan(0);
    const token = world.as.seen.find(({ path }) => path === '/token');
    expect(new URLSearchParams(token?.body).get('client_assertion')).toMatch(/^ey/);
    expect(world.grants).toEqual(['client_credentials']);
  });

  it('of two authorization servers the first is taken, behind a private CA that is listed', async () => {
    let world: World | undefined;
    const ca = await heldCertificate({ isCa: true, commonName: 'private CA' });
    const certificate = await heldCertificate({ dns: ['login.test'], signedBy: ca });
    const seen: Seen[] = [];
    const server = await startTlsServer({
      certificate,
      async onRequest(request, response) {
        let body = '';
        for await (const chunk of request) body += chunk;
        const { method = '', url: path = '', headers } = request;
        const one = { method, path, headers, body };
        seen.push(one);
        world?.authorize(one, response, login);
      },
    });
    opened.push(() => server.close());
    const origin = server.urlFor('login.test');
    const login: Party = { name: 'login.test', origin, pem: certificate.pem, server, seen };
    const mcp: Behaviour = ({ path }, response, { mcp, as }) =>
      path.startsWith(ROOT)
        ? json(response, 200, {
            resource: mcp.origin,
            authorization_servers: [origin, as.origin],
          })
        : undefined;
    world = await start({ mcp });
    const { origins, ...options } = trusting(world);
    const listed = { ...(origins as object), [origin]: { ca: ca.pem, authority: true } };
    const authProvider = new Provider();
    const sentTo = await logIn(kind, world, { ...options, origins: listed, authProvider });
    expect(sentTo.origin).toBe(origin);
    expect(seen.map(({ path }) => path)).toContain('/token');
    expect(world.as.seen).toEqual([]);
  });
});
