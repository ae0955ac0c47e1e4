import fc from 'fast-check';
import { describe, it } from 'vitest';
import { handshakeTargets } from './handshake-targets.js';
import { networkTargets } from './network-targets.js';
import { pureTargets } from './pure-targets.js';
import { runOnce } from './target.js';

/** A short run of every target, with another seed each time: `npm run fuzz` takes as long as it is told. */

const minutes = Number(process.env['MCP_TLS_FUZZ_MINUTES'] ?? 0);
const only = process.env['MCP_TLS_FUZZ_TARGET'];
const seed = process.env['MCP_TLS_FUZZ_SEED'];

const targets = [
  ...(await pureTargets()),
  ...(await networkTargets()),
  ...(await handshakeTargets()),
];

describe('whatever is read', () => {
  it.each(targets.filter(({ name }) => only === undefined || name === only))(
    '$name: no crash, no hang, no untyped error, no secret in one',
    async (target) => {
      const property = fc.asyncProperty(target.input, (input) => runOnce(target, input));
      await fc.assert(property, {
        numRuns: minutes > 0 ? Number.MAX_SAFE_INTEGER : target.pure ? 200 : 50,
        ...(minutes > 0 && { interruptAfterTimeLimit: minutes * 60_000 }),
        ...(seed !== undefined && { seed: Number(seed) }),
      });
      await target.close?.();
    },
    minutes * 60_000 + 60_000,
  );
});
