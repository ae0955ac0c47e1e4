/**
 * Asks client, probe and registry about every presentation under every policy, and compares what
 * they say with each other and with an oracle that knows none of our code.
 *
 * Run by scripts/one-judge.ts, which puts two roots of ours into NODE_EXTRA_CA_CERTS.
 *
 *   tsx test/one-judge/main.ts FOLDER [part of a presentation's name]
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createCertificateStore,
  createServerRegistry,
  makeCustomClientFactory,
} from '../../src/index.js';
import { judgePresentation, type PresentationResult } from './judge-presentation.js';
import { makePolicies } from './policies.js';
import { makePresentations } from './presentations.js';
import { printPolicies, printRow, printSummary } from './print-matrix.js';
import { rootFrom } from './support/crafted.js';
import { startTwins } from './support/twins.js';
import { makeWorld } from './world.js';

const [folder = '', part = ''] = process.argv.slice(2);
const begin = performance.now();
const read = (name: string) => readFileSync(join(folder, name), 'utf8');
const world = await makeWorld({
  p: rootFrom(read('p.pem'), read('p.key')),
  px: rootFrom(read('px.pem'), read('px.key')),
});
const policies = new Map(
  makePolicies(world).map((policy) => [policy, makeCustomClientFactory(policy.trust)]),
);
const all = await makePresentations(world);
const presentations = all.filter(({ name }) => name.includes(part));
await using twins = await startTwins(world);
const store = createCertificateStore({
  keys: [{ id: 'k1', key: randomBytes(32) }],
  storage: 'memory',
});
const registry = createServerRegistry({ store });

/** Much of a handshake is waiting for the other side. */
const AT_ONCE = 4;
printPolicies([...policies.keys()]);
const queue = [...presentations.entries()];
const results: PresentationResult[] = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const [index, shown] = next;
      const result = await judgePresentation({ shown, policies, registry, twins });
      results[index] = result;
      printRow([...policies.keys()], result);
    }
  }),
);
await Promise.all([...policies.values()].map((factory) => factory.close()));
await registry.close();
await store.close();
const seconds = (performance.now() - begin) / 1000;
const passed = printSummary({
  policies: [...policies.keys()],
  results,
  seconds,
  whole: part === '',
});
process.exitCode = passed ? 0 : 1;
