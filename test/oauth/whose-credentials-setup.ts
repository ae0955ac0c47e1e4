import { afterEach } from 'vitest';
import { makeCustomClientFactory } from '../../src/index.js';
import type { ClientFactoryLike } from '../../src/transports/server-link.js';
import type { AnyOptions } from './support/kinds.js';
import type { Party } from './support/parties.js';
import { type Kept, Provider } from './support/provider.js';
import { type Behaviour, json, metadataOf, World } from './support/world.js';

/**
 * A server that changes its authorization server while its client runs, without a list of origins: what belongs to
 * the first one stays with it.
 */

export const opened: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close();
});

/** Which authorization server the metadata of the MCP server names, from now on. */
export const metadata: { names: 'as' | 'internal' | 'nobody' | 'itself' } = { names: 'as' };

export const behaviours = {
  mcp: ({ path }, response, world) => {
    if (path.startsWith('/.well-known/oauth-protected-resource')) {
      if (metadata.names === 'nobody') return json(response, 404, {});
      const named = metadata.names === 'itself' ? world.mcp : world[metadata.names];
      const authorization_servers = [named.origin];
      return json(response, 200, { resource: world.mcp.origin, authorization_servers });
    }
    return authorizing('mcp', { path }, response, world);
  },
  internal: (one, response, world) => authorizing('internal', one, response, world),
} satisfies Readonly<Record<string, Behaviour>>;

export function authorizing(
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

export async function start(more: { as?: Behaviour; internal?: Behaviour } = {}): Promise<World> {
  metadata.names = 'as';
  const world = await World.start({ ...behaviours, ...more });
  opened.push(() => world[Symbol.asyncDispose]());
  return world;
}

/** Stores what it was given, without the `issuer`: columns of a table. */
export class ColumnsProvider extends Provider {
  override saveTokens(tokens: object): Promise<void> {
    return super.saveTokens({ ...tokens, issuer: undefined });
  }
  override saveClientInformation(client: object): Promise<void> {
    return super.saveClientInformation({ ...client, issuer: undefined });
  }
}

/** Reaches all of the world, each under its own certificate: no list is given. */
export function openToAll(world: World): AnyOptions {
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

export const kept = (world: World): Kept => ({
  client: { client_id: 'gateway', client_secret: 'SECRET' },
  tokens: { ...world.issue(), access_token: 'old' },
});

/** All that was sent to an endpoint for tokens, in the clear. */
export function tokenRequestsOf({ seen }: Party): string {
  const requests = seen.filter(({ path }) => path === '/token');
  return requests
    .map(({ headers, body }) => {
      const basic = headers.authorization?.replace(/^Basic /, '') ?? '';
      return `${Buffer.from(basic, 'base64')} ${body}`;
    })
    .join('\n');
}

export const LATER = [
  ['another origin', 'internal'],
  ['itself', 'itself'],
  ['nobody, as whom SDK v1 takes it for its own', 'nobody'],
] as const;
