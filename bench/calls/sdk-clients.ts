import {
  Client as ClientV2,
  StreamableHTTPClientTransport as HttpTransportV2,
  InMemoryTransport as InMemoryTransportV2,
} from '@modelcontextprotocol/client';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js';
import { streamableHttpClient } from 'mcp-tls';
import { streamableHttpClient as streamableHttpClientV2 } from 'mcp-tls/v2';
import { answerMessage, type Message } from '../server/answer-message.js';
import type { Fetch } from './fetches.js';

export const SDKS = ['v1', 'v2'] as const;
export type Sdk = (typeof SDKS)[number];

/** Calls the tool `echo` once, and checks the answer. */
export type CallTool = () => Promise<void>;

const INFO = { name: 'bench', version: '1' };
const TEXT = 'hello';

/** A client of the SDK over streamable HTTP. */
export async function connectOver(sdk: Sdk, fetch: Fetch, url: string): Promise<CallTool> {
  if (sdk === 'v1') {
    const client = new Client(INFO);
    // The SDK's class declares `sessionId?: T | undefined`, which exactOptionalPropertyTypes keeps
    // apart from its own interface.
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch }) as never);
    return callTool(client);
  }
  const client = new ClientV2(INFO);
  await client.connect(new HttpTransportV2(new URL(url), { fetch }));
  return callTool(client);
}

/** A client of the SDK over our own transport, with the connections that it makes. */
export async function connectLinked(sdk: Sdk, trust: string, url: string): Promise<CallTool> {
  if (sdk === 'v1') {
    const client = new Client(INFO);
    await client.connect(streamableHttpClient(url, { trust }) as never);
    return callTool(client);
  }
  const client = new ClientV2(INFO);
  await client.connect(streamableHttpClientV2(url, { trust }));
  return callTool(client);
}

/**
 * A client of the SDK over nothing: what its own part of a call costs. The other end of the SDK's
 * in-memory transport is the bench server's code and no SDK, whose server is not the client's cost.
 */
export async function connectInMemory(sdk: Sdk): Promise<CallTool> {
  if (sdk === 'v1') {
    const [near, far] = InMemoryTransport.createLinkedPair();
    far.onmessage = (message) => answer(message as Message, (reply) => far.send(reply as never));
    const client = new Client(INFO);
    await client.connect(near);
    return callTool(client);
  }
  const [near, far] = InMemoryTransportV2.createLinkedPair();
  far.onmessage = (message) => answer(message as Message, (reply) => far.send(reply as never));
  const client = new ClientV2(INFO);
  await client.connect(near);
  return callTool(client);
}

function answer(message: Message, send: (reply: object) => Promise<void>): void {
  const reply = answerMessage(message);
  // Later, as an answer comes: within send() the SDK would not be through with the request yet.
  if (reply !== undefined) queueMicrotask(() => void send(reply));
}

/** Of a client that is connected. */
export function callTool(client: Client | ClientV2): CallTool {
  const call = client.callTool.bind(client) as (params: object) => Promise<object>;
  return async () => {
    const result = (await call({ name: 'echo', arguments: { text: TEXT } })) as {
      content?: { text?: string }[];
    };
    if (result.content?.[0]?.text !== TEXT) throw new Error('the answer is not what was asked for');
  };
}
