/** One way to trust in a process of its own: each request over a connection of its own. */
import { rootCertificates } from 'node:tls';
import { makeCustomClientFactory } from 'mcp-tls/core';
import { Agent, request } from 'undici';
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { serveTasks } from '../support/serve-tasks.js';

export interface OpenInput {
  readonly contender: string;
  readonly origin: string;
  readonly ca: string;
  /** For every connection another factory or Agent, as for the first one to each of many servers. */
  readonly anew: boolean;
}

/** Sends requests that the server ends the connection after. */
type Connect = (url: string) => Promise<unknown>;

/** Each makes a client, whose connections share what it holds. */
const CONTENDERS: Readonly<Record<string, (ca: string, origin: string) => Connect>> = {
  'ca-only': (ca, origin) => {
    const client = makeCustomClientFactory({ ca })({ url: origin });
    return async (url) => (await client(url)).text();
  },
  'ca-and-roots': (ca, origin) => {
    const client = makeCustomClientFactory({ ca, roots: 'default' })({ url: origin });
    return async (url) => (await client(url)).text();
  },
  'undici-ca-only': (ca) => overUndici(ca),
  'undici-ca-and-roots': (ca) => overUndici([...rootCertificates, ca]),
};

function overUndici(ca: string | string[]): Connect {
  // No sessions are resumed, as over ours: a full handshake each time.
  const dispatcher = new Agent({ connect: { ca, maxCachedSessions: 0 } });
  return async (url) => (await request(url, { dispatcher })).body.text();
}

let connect: Connect | undefined;

function open({ anew, ca, contender, origin }: OpenInput): void {
  const make = CONTENDERS[contender];
  if (make === undefined) throw new Error(`no contender '${contender}'`);
  const one = make(ca, origin);
  const url = `${origin}/last`;
  connect = () => (anew ? make(ca, origin) : one)(url);
}

async function batch(count: number): Promise<CallCost> {
  if (connect === undefined) throw new Error('not open');
  return measureCalls(connect as () => Promise<unknown>, count);
}

serveTasks({ open, batch });
