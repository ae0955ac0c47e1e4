import { Client as ClientV2 } from '@modelcontextprotocol/client';
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import * as v1 from '../../../src/index.js';
import * as v2 from '../../../src/v2.js';
import type { Provider } from './provider.js';
import type { World } from './world.js';

/** What the tests use of a transport, whichever it is. */
export interface AnyTransport {
  onerror?: ((error: Error) => void) | undefined;
  finishAuth(code: string): Promise<void>;
  close(): Promise<void>;
}

/** What the tests use of a client. */
export interface AnyClient {
  onerror?: ((error: Error) => void) | undefined;
  connect(transport: AnyTransport, options?: { timeout?: number }): Promise<void>;
  listTools(): Promise<{ tools: unknown[] }>;
  close(): Promise<void>;
}

/** Ours and the SDK's, as the tests give them. */
export type AnyOptions = Record<string, unknown> & { authProvider?: Provider };

/** One of the transports that are made here. */
export interface Kind {
  readonly name: string;
  url(world: World): string;
  make(url: string, options: AnyOptions): AnyTransport;
  client(): AnyClient;
  /** The method of the registry that makes such a one, and its entry. */
  readonly method: 'streamableHttpClient' | 'sseClient';
  readonly entry: typeof v1 | typeof v2;
}

const info = { name: 'oauth-test', version: '1' };
const CLIENTS = { v1: ClientV1, v2: ClientV2 };
const ENTRIES = { v1, v2 };
const METHODS = { http: 'streamableHttpClient', sse: 'sseClient' } as const;

function kindOf(sdk: 'v1' | 'v2', transport: 'http' | 'sse'): Kind {
  const entry = ENTRIES[sdk];
  const method = METHODS[transport];
  return {
    name: `${sdk} ${transport}`,
    method,
    entry,
    url: ({ httpUrl, sseUrl }) => (transport === 'http' ? httpUrl : sseUrl),
    make: (url, options) => entry[method](url, options as never) as never,
    client: () => new CLIENTS[sdk](info) as unknown as AnyClient,
  };
}

export const KINDS: readonly Kind[] = [
  kindOf('v1', 'http'),
  kindOf('v1', 'sse'),
  kindOf('v2', 'http'),
  kindOf('v2', 'sse'),
];

/** Trust in the MCP server, and in its authorization server, as an application writes it. */
export function trusting(world: World): AnyOptions {
  return {
    trust: world.mcp.pem,
    origins: { [world.as.origin]: world.as.pem },
    lookup: world.lookup,
  };
}
