import type { FetchLike } from '@modelcontextprotocol/client';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCustomClientFactory } from '../../src/index.js';
import { type HeldCertificate, heldCertificate } from '../../src/testing/index.js';
import type { Scenario } from './v2-messages.js';
import { V2_REQUESTS } from './v2-request-scenarios.js';
import { V2_SSE } from './v2-sse-scenarios.js';
import { V2_STREAMS } from './v2-stream-scenarios.js';
import { startV2World } from './v2-world.js';

/**
 * The transports of the SDK v2 itself, over undici.fetch and over ours: what its documentation promises holds
 * over both, and all that is seen of it is the same.
 */

const V2_SCENARIOS = [...V2_REQUESTS, ...V2_STREAMS, ...V2_SSE];

let certificate: HeldCertificate;
beforeAll(async () => {
  certificate = await heldCertificate();
});

const sides = {
  undici(): { fetch: FetchLike; close: () => Promise<void> } {
    const dispatcher = new undici.Agent({ connect: { ca: certificate.pem } });
    const fetch = (url: unknown, init: object | undefined) =>
      undici.fetch(url as URL, { ...init, dispatcher });
    return { fetch: fetch as unknown as FetchLike, close: () => dispatcher.destroy() };
  },
  ours(): { fetch: FetchLike; close: () => Promise<void> } {
    const factory = makeCustomClientFactory(certificate.pem);
    return { fetch: factory() as FetchLike, close: () => factory.close() };
  },
};

/** Also whatever nobody heard: a rejection that is not handled would end a program. */
async function runOver(side: keyof typeof sides, { answer, run }: Scenario): Promise<unknown> {
  const { fetch, close } = sides[side]();
  const world = await startV2World(certificate, fetch, answer);
  try {
    return JSON.parse(JSON.stringify(await run(world), undefinedAsText));
  } finally {
    await world.end();
    await close();
  }
}

const undefinedAsText = (_: string, value: unknown): unknown =>
  value === undefined ? 'undefined' : value;

const unhandled: unknown[] = [];
const note = (reason: unknown): void => void unhandled.push(reason);
beforeAll(() => void process.on('unhandledRejection', note));
afterAll(() => void process.off('unhandledRejection', note));

describe('a transport of SDK v2 does over our fetch what it does over undici.fetch', () => {
  it.each(V2_SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
    '%s',
    async (_, scenario) => {
      const expected = JSON.parse(JSON.stringify(scenario.expected, undefinedAsText));
      const control = await runOver('undici', scenario);
      if (typeof control === 'object') expect(control).toMatchObject(expected);
      else expect(control).toEqual(expected);
      expect(await runOver('ours', scenario)).toEqual(control);
      expect(unhandled).toEqual([]);
    },
  );

  it('there are at least 30 scenarios, and no two of one name', () => {
    expect(V2_SCENARIOS.length).toBeGreaterThanOrEqual(30);
    expect(new Set(V2_SCENARIOS.map(({ name }) => name)).size).toBe(V2_SCENARIOS.length);
  });
});
