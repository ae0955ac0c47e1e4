import { writeFile } from 'node:fs/promises';
import type { Session } from 'node:inspector/promises';

/** Microseconds between two samples: fine enough for calls of some 300. */
const INTERVAL_US = 200;

let session: Session | undefined;

/** Starts a CPU profile of this process: what it does from now on, and not how it got here. */
export async function startProfile(): Promise<void> {
  // Loaded here: a process that is measured has no inspector.
  const inspector = await import('node:inspector/promises');
  session = new inspector.Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: INTERVAL_US });
  await session.post('Profiler.start');
}

/** Ends it, and writes it as a `.cpuprofile`, which browsers and editors open. */
export async function stopProfile(file: string): Promise<void> {
  if (session === undefined) throw new Error('no profile was started');
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  session = undefined;
  await writeFile(file, JSON.stringify(profile));
}
