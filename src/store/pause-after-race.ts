import { setTimeout as sleep } from 'node:timers/promises';

/** Before another attempt: writers that all went on at once would go on losing to each other. */
export function pauseAfterRace(attempt: number): Promise<void> {
  return sleep(Math.random() * Math.min(2 ** attempt, 50));
}
