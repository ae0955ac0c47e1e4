/** One contender in a process of its own, or several: opens sessions, then runs batches of tool calls. */
import { Agent, request } from 'undici';
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { serveTasks } from '../support/serve-tasks.js';
import { FETCHES } from './fetches.js';
import {
  type CallTool,
  connectInMemory,
  connectLinked,
  connectOver,
  type Sdk,
} from './sdk-clients.js';

export interface OpenInput {
  readonly contender: string;
  readonly sdk: Sdk;
  /** With a session for each. */
  readonly servers: readonly CalledServer[];
}

export interface CalledServer {
  readonly url: string;
  readonly ca: string;
}

export interface BatchInput {
  readonly contender: string;
  readonly count: number;
  /** Calls under way at any time. */
  readonly atOnce: number;
}

/** Opens connections that a server or an Agent has closed in the meantime. */
const LEADING_CALLS = 5;

const opened = new Map<string, CallTool>();

async function open({ contender, sdk, servers }: OpenInput): Promise<void> {
  const calls: CallTool[] = [];
  for (const server of servers) calls.push(await makeCall(contender, sdk, server));
  let turn = 0;
  const inTurn: CallTool = () => (calls[turn++ % calls.length] as CallTool)();
  opened.set(contender, inTurn);
}

async function makeCall(contender: string, sdk: Sdk, { url, ca }: CalledServer): Promise<CallTool> {
  if (contender === 'sdk-in-memory') return connectInMemory(sdk);
  if (contender === 'mcp-tls-transport') return connectLinked(sdk, ca, url);
  if (contender === 'undici-request') return callWithoutSdk(url, ca);
  const makeFetch = FETCHES[contender];
  if (makeFetch === undefined) throw new Error(`no contender '${contender}'`);
  return connectOver(sdk, makeFetch(ca, url), url);
}

/** The same POST and its answer as text: what is left when there is neither fetch nor SDK. */
function callWithoutSdk(url: string, ca: string): CallTool {
  const dispatcher = new Agent({ connect: { ca }, headersTimeout: 0, bodyTimeout: 0 });
  const headers = {
    accept: 'application/json, text/event-stream',
    'content-type': 'application/json',
    'mcp-protocol-version': '2025-11-25',
    'mcp-session-id': '00000000-0000-0000-0000-000000000000',
  };
  let id = 0;
  return async () => {
    const params = { name: 'echo', arguments: { text: 'hello' } };
    const body = JSON.stringify({ jsonrpc: '2.0', id: id++, method: 'tools/call', params });
    const answer = await request(url, { dispatcher, method: 'POST', headers, body });
    if (!(await answer.body.text()).includes('hello')) throw new Error('not the right answer');
  };
}

async function batch({ atOnce, contender, count }: BatchInput): Promise<CallCost> {
  const callTool = opened.get(contender);
  if (callTool === undefined) throw new Error(`'${contender}' is not open`);
  await measureCalls(callTool, Math.max(LEADING_CALLS, atOnce), atOnce);
  return measureCalls(callTool, count, atOnce);
}

serveTasks({ open, batch });
