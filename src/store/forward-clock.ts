/**
 * A clock that is never set back: the highest time that this process's clock has shown, or that a
 * record was sealed at. What has expired once stays so; a clock of its own that ran ahead makes things
 * expire early, until the process is started again.
 *
 * Clocks of others are believed as far as clocks differ that somebody looks after. One that is years
 * ahead would otherwise expire every record in every process, for as long as a row of it is there. A
 * warning reports it, `MCP_TLS_STORE_CLOCK`, since it may as well be this process's clock that is wrong.
 */
export interface ForwardClock {
  now(): number;
  /** The time at which the record `id` was sealed, by a clock that may be another one. */
  learn(time: number, id: string): void;
}

const BELIEVED_AHEAD_MS = 15 * 60_000;

export function makeForwardClock(): ForwardClock {
  let latest = 0;
  let warned = false;

  /** Once: the same holds for every row of that process. */
  function warn(id: string, ahead: number): void {
    if (warned) return;
    warned = true;
    const far = ahead < 172_800_000 ? [ahead / 60_000, 'minutes'] : [ahead / 86_400_000, 'days'];
    process.emitWarning(
      `The record '${id}' was sealed ${Math.round(Number(far[0]))} ${far[1]} ahead of this process's clock: one of the two clocks is wrong. Whether an approval has expired is judged by this process's clock.`,
      { type: 'McpTlsWarning', code: 'MCP_TLS_STORE_CLOCK' },
    );
  }

  return {
    now() {
      latest = Math.max(latest, Date.now());
      return latest;
    },
    learn(time, id) {
      // By the clock itself, not by what was learned: step by step nobody is led anywhere.
      const ahead = time - Date.now();
      if (ahead > BELIEVED_AHEAD_MS) warn(id, ahead);
      else latest = Math.max(latest, time);
    },
  };
}
