/** One library in a process of its own: small requests many at a time, and large answers. */
import { type CallCost, measureCalls } from '../support/measure-calls.js';
import { collectGarbage } from '../support/memory.js';
import { serveTasks } from '../support/serve-tasks.js';
import { RAW_CLIENTS, type RawClient } from './clients.js';

export interface OpenInput {
  readonly contender: string;
  readonly origin: string;
  readonly ca: string;
}

export interface PostInput {
  readonly count: number;
  /** Requests under way at any time. */
  readonly atOnce: number;
}

export interface DownloadInput {
  readonly bytes: number;
  /** How many such answers, one after the other. */
  readonly times: number;
  readonly how: 'reader' | 'arrayBuffer';
}

export interface DownloadCost {
  readonly mbPerSecond: number;
  readonly cpuMsPerMb: number;
  /** The highest resident set while it ran, above that before it. */
  readonly rssGrowthMb: number;
}

const SAMPLE_MS = 5;
const MB = 2 ** 20;
const BODY = JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping', params: { text: 'hello' } });

let client: RawClient | undefined;
let origin = '';

function open(input: OpenInput): void {
  const make = RAW_CLIENTS[input.contender];
  if (make === undefined) throw new Error(`no contender '${input.contender}'`);
  client = make(input.ca, input.origin);
  origin = input.origin;
}

async function post({ atOnce, count }: PostInput): Promise<CallCost> {
  const { post } = opened();
  const call = async () => {
    if ((await post(`${origin}/echo`, BODY)) !== BODY) throw new Error('not the right answer');
  };
  await measureCalls(call, atOnce, atOnce);
  return measureCalls(call, count, atOnce);
}

async function download({ bytes, how, times }: DownloadInput): Promise<DownloadCost> {
  await collectGarbage();
  const rssBefore = process.memoryUsage.rss();
  let rssMax = rssBefore;
  const sampler = setInterval(() => {
    rssMax = Math.max(rssMax, process.memoryUsage.rss());
  }, SAMPLE_MS);
  const cpuBefore = process.cpuUsage();
  const start = performance.now();
  for (let i = 0; i < times; i++) {
    if ((await receive(bytes, how)) !== bytes) throw new Error('an incomplete answer');
  }
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  clearInterval(sampler);
  rssMax = Math.max(rssMax, process.memoryUsage.rss());
  const megabytes = (bytes * times) / MB;
  return {
    mbPerSecond: megabytes / seconds,
    cpuMsPerMb: (user + system) / 1_000 / megabytes,
    rssGrowthMb: (rssMax - rssBefore) / MB,
  };
}

async function receive(bytes: number, how: DownloadInput['how']): Promise<number> {
  const answer = await opened().open?.(`${origin}/bytes/${bytes}`);
  if (answer === undefined) throw new Error('no contender of the downloads');
  if (how === 'arrayBuffer') return (await answer.whole()).byteLength;
  let received = 0;
  for await (const chunk of answer.chunks) received += chunk.byteLength;
  return received;
}

function opened(): RawClient {
  if (client === undefined) throw new Error('not open');
  return client;
}

serveTasks({ open, post, download });
