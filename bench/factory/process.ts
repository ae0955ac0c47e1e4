/** What a client costs when its server is known already, and what 1,000 clients share. */
import { type CustomClientFactory, makeCustomClientFactory } from 'mcp-tls/core';
import { Agent, fetch as undiciFetch } from 'undici';
import type { ServerAddress } from '../server/main.js';
import { serveTasks } from '../support/serve-tasks.js';

export type Maker = 'client' | 'factory and client' | 'undici Agent';

interface Open extends ServerAddress {
  readonly factory: CustomClientFactory;
}

let server: Open | undefined;

function open(address: ServerAddress): void {
  server = { ...address, factory: makeCustomClientFactory(address.ca) };
}

/** Microseconds to make one. */
function make({ what, count }: { readonly what: Maker; readonly count: number }): number {
  const { ca, factory, origin } = opened();
  const makers: Record<Maker, () => unknown> = {
    client: () => factory({ url: origin }),
    'factory and client': () => makeCustomClientFactory(ca)({ url: origin }),
    'undici Agent': () => new Agent({ connect: { ca } }),
  };
  const made: unknown[] = new Array(count);
  const one = makers[what];
  const start = performance.now();
  for (let i = 0; i < count; i++) made[i] = one();
  return ((performance.now() - start) * 1_000) / made.length;
}

/** Each call over a client of its own: a factory's, or a new one as of undici. */
async function callOverNewClients({
  what,
  count,
}: {
  readonly what: 'client' | 'undici Agent';
  readonly count: number;
}): Promise<void> {
  const { ca, factory, origin } = opened();
  const init = { method: 'POST', body: '{}' };
  for (let i = 0; i < count; i++) {
    if (what === 'client') {
      const client = factory({ url: origin });
      await (await client(`${origin}/echo`, init)).text();
      await client.close();
    } else {
      const dispatcher = new Agent({ connect: { ca } });
      await (await undiciFetch(`${origin}/echo`, { ...init, dispatcher })).text();
      await dispatcher.close();
    }
  }
}

function opened(): Open {
  if (server === undefined) throw new Error('not open');
  return server;
}

serveTasks({ open, make, callOverNewClients });
