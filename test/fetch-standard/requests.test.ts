import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import * as undici from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CustomClientFactory, makeCustomClientFactory } from '../../src/index.js';
import { CELLS } from './cells.js';
import { DIFFERENCES } from './differences.js';
import { type AnyFetch, runCell, type Side } from './run-cell.js';
import { type StandardServer, startStandardServer } from './server.js';

/**
 * Our fetch against undici's over the same server: every call that differs is in the list of
 * differences, and every difference of the list is seen.
 */

let server: StandardServer;
let factory: CustomClientFactory;
let ours: Side;
let agent: undici.Agent;
let control: Side;
const met = new Set<string>();

beforeAll(async () => {
  server = await startStandardServer();
  const ca = server.certificate.pem;
  factory = makeCustomClientFactory(ca);
  ours = { fetch: factory() as AnyFetch, classes: { Request, FormData } };
  agent = new undici.Agent({ connect: { ca } });
  const fetch = ((input: never, init: never) => {
    const options =
      typeof init === 'function'
        ? Object.assign(init as object, { dispatcher: agent })
        : init === undefined || typeof init === 'object'
          ? { ...(init as object | undefined), dispatcher: agent }
          : init;
    return undici.fetch(input, options as never);
  }) as AnyFetch;
  control = { fetch, classes: undici as never };
});
afterAll(async () => {
  await factory.close();
  await agent.destroy();
  await server.close();
});

it('there are at least 300 cells, and no two of one name', () => {
  expect(CELLS.length).toBeGreaterThanOrEqual(300);
  expect(new Set(CELLS.map(({ name }) => name)).size).toBe(CELLS.length);
});

describe('a fetch of ours does what undici.fetch does, but for what is listed', () => {
  it.each(CELLS.map((cell) => [cell.name, cell] as const))('%s', async (name, cell) => {
    const expected = await runCell(cell, server, 'control', control);
    const got = await runCell(cell, server, 'ours', ours);
    if (isDeepStrictEqual(got, expected)) return;
    const listed = DIFFERENCES.filter(({ cells }) => cells.test(name));
    const difference = listed.find(({ holds }) => holds(got, expected));
    if (difference === undefined) expect(got).toEqual(expected);
    else met.add(difference.what);
  });
});

it('every difference of the list stands in docs/fetch.md', () => {
  const page = readFileSync(new URL('../../docs/fetch.md', import.meta.url), 'utf8');
  expect(DIFFERENCES.filter(({ what }) => !page.includes(what)).map(({ what }) => what)).toEqual(
    [],
  );
});

it('every difference of the list was seen', () => {
  expect(DIFFERENCES.filter(({ what }) => !met.has(what)).map(({ what }) => what)).toEqual([]);
});
