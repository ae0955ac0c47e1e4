import { describe, expect, it } from 'vitest';
import { ATTACKS } from '../oauth/attacks.js';
import { runAttack } from '../oauth/run-attack.js';
import { KINDS, type Kind } from '../oauth/support/kinds.js';
import { WAYS } from '../oauth/ways.js';

/** The part of `npm run test:oauth` that takes seconds. Without a company's CA, `'anywhere'` leads nowhere. */

const kind = KINDS.find(({ name }) => name === 'v1 http') as Kind;
const ours = WAYS.filter(({ name }) => /no list|plain, list|hook/.test(name));
const [control] = WAYS.filter(({ reaches }) => reaches === 'everywhere');

/** What the SDK itself holds back over any fetch. */
const HELD_BY_THE_SDK: readonly string[] = ['calls redirected'];

describe.each(ATTACKS)('a server and its authorization server: $name', (attack) => {
  it('get nothing that is not theirs, and reach nobody who is not listed', async () => {
    const outcomes = await Promise.all(
      ours.map(async (way) => ({ way: way.name, ...(await runAttack(attack, kind, way)) })),
    );
    const wrong = outcomes.filter(({ isOpen }) => !isOpen).map(({ way, wrong }) => [way, wrong]);
    expect(wrong.length).toBeGreaterThanOrEqual(2);
    for (const one of wrong) expect(one).toEqual([one[0], []]);
  });

  it.skipIf(HELD_BY_THE_SDK.includes(attack.name))(
    "get it, or reach them, where the SDK has undici's fetch",
    async () => {
      const { wrong } = await runAttack(attack, kind, control as (typeof WAYS)[number]);
      expect(wrong).not.toEqual([]);
    },
  );
});
