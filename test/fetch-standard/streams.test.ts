import { isDeepStrictEqual } from 'node:util';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CustomClientFactory, makeCustomClientFactory } from '../../src/index.js';
import { allOrders, type BodyFetch, KINDS, type Order, runOrder } from './orders.js';
import { type StreamServer, startStreamServer } from './stream-server.js';

/**
 * The body of an answer against undici's over the same server: every order of two and of three of
 * {read, cancel, abort, error, end, tee, clone, pipe}, with no, one and two turns of the event loop
 * between. The same results, the same rejections, none of them unhandled.
 */

let server: StreamServer;
let factory: CustomClientFactory;
let agent: undici.Agent;
let ours: BodyFetch;
let control: BodyFetch;
const unhandled: unknown[] = [];
const onUnhandled = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  server = await startStreamServer();
  const ca = server.certificate.pem;
  factory = makeCustomClientFactory(ca);
  ours = factory();
  agent = new undici.Agent({ connect: { ca } });
  control = ((url: string, init: { signal: AbortSignal }) =>
    undici.fetch(url, { ...init, dispatcher: agent })) as unknown as BodyFetch;
  process.on('unhandledRejection', onUnhandled);
});
afterAll(async () => {
  process.off('unhandledRejection', onUnhandled);
  await factory.close();
  await agent.destroy();
  await server.close();
});

/** What both sides do, where it differs. */
async function difference(order: Order, arrivalMs: number): Promise<object | undefined> {
  const [one, two] = await Promise.all([
    runOrder(order, ours, server, arrivalMs),
    runOrder(order, control, server, arrivalMs),
  ]);
  return isDeepStrictEqual(one, two) ? undefined : { ours: one, control: two };
}

/** Many at a time; what differs is asked again alone, since a loaded machine may bring a byte late. */
async function differences(orders: readonly Order[]): Promise<object> {
  const left = [...orders];
  const doubtful: Order[] = [];
  const work = async (): Promise<void> => {
    for (let order = left.shift(); order !== undefined; order = left.shift()) {
      if ((await difference(order, 15)) !== undefined) doubtful.push(order);
    }
  };
  await Promise.all(Array.from({ length: 12 }, work));
  const found: Record<string, object> = {};
  for (const order of doubtful) {
    let differs: object | undefined = {};
    for (let i = 0; i < 3 && differs !== undefined; i++) differs = await difference(order, 60);
    if (differs !== undefined) found[order.operations.join(', ')] = differs;
  }
  return found;
}

describe.each(KINDS)('a body that is %s', (kind) => {
  it.each([0, 1, 2])(
    'does in every order what the platform’s does, with %i turns between',
    async (ticks) => {
      const orders = allOrders(kind, ticks);
      expect(orders).toHaveLength(392);
      expect(await differences(orders)).toEqual({});
      expect(unhandled.splice(0)).toEqual([]);
    },
    240_000,
  );
});
