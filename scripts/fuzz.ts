/**
 * Fuzzes everything that reads what an enemy wrote (test/fuzz), target by target.
 *
 *   npm run fuzz -- --minutes 10                       each target, ten minutes
 *   npm run fuzz -- --minutes 1 --target envelopes
 *   npm run fuzz -- --seed 42 --node 24                a failure again, on another line of Node.js
 *
 * A failure prints its seed and the smallest input; what it finds becomes a test of its own. Not guided by
 * coverage: jazzer.js 4 needs glibc 2.38 (Debian 12 has 2.36), and older ones download a binary when they are
 * installed.
 */
import { parseArgs } from 'node:util';
import { nodeLines } from './node-lines.js';
import { runVitest } from './vitest-run.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    target: { type: 'string' },
    seed: { type: 'string' },
    node: { type: 'string', default: process.versions.node.split('.')[0] as string },
  },
});
const [line] = await nodeLines([Number(values.node)]);
if (line === undefined) throw new Error(`no Node.js ${values.node}`);
const run = await runVitest(line.binary, ['--project', 'fuzz'], {
  MCP_TLS_FUZZ_MINUTES: values.minutes,
  ...(values.target !== undefined && { MCP_TLS_FUZZ_TARGET: values.target }),
  ...(values.seed !== undefined && { MCP_TLS_FUZZ_SEED: values.seed }),
});
console.log(run.output);
console.log(`Node.js ${line.version}: ${run.passed} targets passed, ${run.failed} failed`);
process.exitCode = run.ok ? 0 : 1;
