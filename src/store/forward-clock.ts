/**
 * A clock that is never set back: the highest time that this process's clock has shown, or that a
 * record was sealed at. What has expired once stays so; a clock that ran ahead makes things expire
 * early, until the process is started again.
 */
export interface ForwardClock {
  now(): number;
  /** A time that was shown by another clock we trust. */
  learn(time: number): void;
}

export function makeForwardClock(): ForwardClock {
  let latest = 0;
  const clock: ForwardClock = {
    now() {
      clock.learn(Date.now());
      return latest;
    },
    learn(time) {
      latest = Math.max(latest, time);
    },
  };
  return clock;
}
