import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildMember } from '../processes/member-program.js';
import { runHeld } from '../processes/run-held.js';

/**
 * The part of `npm run test:processes` that is short and the same each time: two processes do two flows
 * over one record, held wherever they wait.
 */

it('no order of two flows undoes a revocation or loses a change', async () => {
  const program = await buildMember();
  const at = await mkdtemp(join(tmpdir(), 'mcp-tls-held-'));
  try {
    const { violations, orders } = await runHeld({
      program,
      place: { kind: 'directory', at, channel: false, ttlMs: 0 },
      seconds: undefined,
      pairs: [
        ['renew', 'revoke'],
        ['approve', 'update label'],
        ['register', 'register'],
        ['revoke', 'scan'],
        ['request', 'revoke'],
      ],
    });
    expect(violations).toEqual([]);
    expect(orders).toBeGreaterThan(100);
  } finally {
    program.close();
    await rm(at, { recursive: true, force: true });
  }
}, 600_000);
