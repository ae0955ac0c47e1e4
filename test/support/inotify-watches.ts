import { readdirSync, readFileSync } from 'node:fs';

/** Watches of this process, as the kernel counts them; 0 where it is not Linux. */
export function inotifyWatches(): number {
  if (process.platform !== 'linux') return 0;
  return readdirSync('/proc/self/fdinfo')
    .map((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
      } catch {
        // The one of this listing.
        return '';
      }
    })
    .reduce((sum, text) => sum + (text.match(/^inotify wd:/gm)?.length ?? 0), 0);
}
