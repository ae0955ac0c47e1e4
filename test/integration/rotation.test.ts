import { describe, expect, it } from 'vitest';
import { DOORS, runWay, WAYS } from '../rotation/run-way.js';

/** The short version of `npm run test:rotation`. */
describe('files of trust that change while calls are under way', () => {
  const cells = WAYS.flatMap((way) => DOORS.map((door) => ({ way, door }))).filter(
    ({ way, door }) => door === 'factory' || /replaced, by rename|added, by symlink/.test(way),
  );
  it.each(cells)(
    'lose no call where nothing was taken away, and keep no old trust: $way, over a $door',
    async ({ way, door }) => {
      const outcome = await runWay(way, door, { callers: 5, ms: 100 });
      expect(outcome.calls).toBeGreaterThan(0);
      expect(outcome.late).toBe(0);
      if (!outcome.takesAway) expect(outcome).toMatchObject({ lost: 0, codes: [] });
    },
  );
});
