/** One server, reached through a factory of one's own and through a registry, in turns and in one process. */
import { randomBytes } from 'node:crypto';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import {
  createCertificateStore,
  createServerRegistry,
  makeCustomClientFactory,
  streamableHttpClient,
} from 'mcp-tls';
import { callTool } from '../calls/sdk-clients.js';
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { serveTasks } from '../support/serve-tasks.js';

export interface OpenInput {
  /** `post`: without an SDK. */
  readonly call: 'tool' | 'post';
  readonly url: string;
  readonly ca: string;
}

export interface BatchInput {
  readonly through: Way;
  readonly count: number;
}

export type Way = 'factory' | 'registry';
type Call = () => Promise<void>;

let calls: Readonly<Record<Way, Call>> | undefined;

async function open({ ca, call, url }: OpenInput): Promise<void> {
  const trust = { ca, authority: false };
  const clientFactory = makeCustomClientFactory(trust);
  const store = createCertificateStore({
    keys: [{ id: 'k1', key: randomBytes(32) }],
    storage: new Map(),
    whenEmpty: 'create',
  });
  const registry = createServerRegistry({ store });
  await registry.register('bench', url, { trust });
  calls =
    call === 'post'
      ? {
          factory: postOver(clientFactory({ url }), url),
          registry: postOver((await registry.clientFactory('bench'))(), url),
        }
      : {
          factory: await toolOver(streamableHttpClient(url, { clientFactory })),
          registry: await toolOver(await registry.streamableHttpClient('bench')),
        };
}

async function toolOver(transport: Parameters<Client['connect']>[0]): Promise<Call> {
  const client = new Client({ name: 'bench', version: '1' });
  await client.connect(transport);
  return callTool(client);
}

const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'x' } });
const HEADERS = { 'content-type': 'application/json' };

function postOver(fetch: (url: string, init: RequestInit) => Promise<Response>, url: string): Call {
  return async () => {
    const answer = await fetch(url, { method: 'POST', headers: HEADERS, body: BODY });
    if ((await answer.text()) !== BODY) throw new Error('not the right answer');
  };
}

async function batch({ count, through }: BatchInput): Promise<CallCost> {
  const call = calls?.[through];
  if (call === undefined) throw new Error('not open');
  return measureCalls(call, count);
}

serveTasks({ open, batch });
