import type { RequestHandler } from '../tls-server-options.js';
import { must } from './battery-check.js';
import type { BatteryClient, BatteryRequest, BatteryResponse } from './battery-policy.js';

/** A request that nobody but the right server may read. The credentials are made up. */
export const SECRET_POST: BatteryRequest = {
  method: 'POST',
  headers: {
    'content-type': 'application/json',
    authorization: 'Bearer battery-canary',
    'x-api-key': 'battery-canary',
  },
  body: '{"jsonrpc":"2.0","id":1,"method":"tools/list"}',
};

export const SECRET_GET: BatteryRequest = {
  headers: { authorization: 'Bearer battery-canary', 'x-api-key': 'battery-canary' },
};

/** Answers with what was asked, as JSON. */
export const echo: RequestHandler = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { headers, method, url } = request;
  const body = Buffer.concat(chunks).toString('latin1');
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ method, url, headers, body }));
};

/** What {@link echo} answers. */
export interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** One character a byte. */
  readonly body: string;
}

/** Asks, and reads the whole answer, which must have status 200. */
export async function reach(
  client: BatteryClient,
  url: string,
  request: BatteryRequest = SECRET_POST,
): Promise<string> {
  const response = await client(url, request);
  const text = await response.text();
  must(response.status === 200, `status ${response.status} instead of 200`);
  return text;
}

export async function reachEcho(
  client: BatteryClient,
  url: string,
  request?: BatteryRequest,
): Promise<Echo> {
  const text = await reach(client, url, request);
  try {
    return JSON.parse(text) as Echo;
  } catch {
    must(false, `the body is not the server's, which was JSON: ${text.slice(0, 40)}`);
  }
}

/** The body of a response in pieces, from a web stream or a stream of Node.js. */
export async function* chunksOf({ body }: BatteryResponse): AsyncGenerator<Uint8Array> {
  must(
    typeof body === 'object' && body !== null && Symbol.asyncIterator in body,
    'the response has no body that can be read in pieces',
  );
  for await (const chunk of body as AsyncIterable<Uint8Array | string>) {
    yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits until `condition` holds, at most `ms`. Answers whether it does. */
export async function within(ms: number, condition: () => boolean): Promise<boolean> {
  const end = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > end) return false;
    await pause(3);
  }
  return true;
}
