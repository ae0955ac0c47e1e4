/** One library is imported and used once; what is global is compared. */
import type { ServerAddress } from '../server/main.js';
import { serveTasks } from '../support/serve-tasks.js';
import { compareSnapshots, takeSnapshot } from './globals.js';

interface Input extends ServerAddress {
  readonly contender: string;
}

async function changedGlobals({ contender, ...address }: Input): Promise<string[]> {
  // Node.js makes many globals when they are first looked at.
  for (const key of Reflect.ownKeys(globalThis)) Reflect.get(globalThis, key);
  await fetch('data:,').then((response) => response.text());
  const { before: prepare, use } = contenderOf(contender);
  await prepare?.();
  const before = takeSnapshot();
  await use(address);
  return compareSnapshots(before, takeSnapshot());
}

interface Contender {
  /** What it changes is not counted. */
  readonly before?: () => Promise<unknown>;
  readonly use: (server: ServerAddress) => Promise<unknown>;
}

const importSdk = () => import('@modelcontextprotocol/sdk/client/streamableHttp.js');

const CONTENDERS: Readonly<Record<string, Contender>> = {
  'mcp-tls/core': { use: async (server) => useOurs(await import('mcp-tls/core'), server) },
  // The SDK's part is counted by itself.
  'mcp-tls': { before: importSdk, use: async (server) => useOurs(await import('mcp-tls'), server) },
  'mcp-sdk': { use: importSdk },
  undici: {
    async use({ ca, origin }) {
      const { Agent, fetch } = await import('undici');
      const dispatcher = new Agent({ connect: { ca } });
      await (await fetch(`${origin}/echo`, { ...REQUEST, dispatcher })).text();
      await dispatcher.close();
    },
  },
};

const REQUEST = { method: 'POST', body: '{}' };

async function useOurs(
  { makeCustomClientFactory }: typeof import('mcp-tls/core'),
  { ca, origin }: ServerAddress,
): Promise<void> {
  const factory = makeCustomClientFactory(ca);
  await (await factory({ url: origin })(`${origin}/echo`, REQUEST)).text();
  await factory.close();
}

function contenderOf(name: string): Contender {
  const contender = CONTENDERS[name];
  if (contender === undefined) throw new Error(`no contender '${name}'`);
  return contender;
}

serveTasks({ changedGlobals });
