import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Has this process stop itself (SIGSTOP) just before it renames a file to a record's, between the look
 * at what is there and the write: where a suspended machine or a paused container may stand too.
 *
 * @param stops whether to stop before this renaming; the marker's is passed over
 */
export function stopBeforeRename(stops: () => boolean): void {
  const { rename } = promises;
  promises.rename = async (from, to) => {
    const isRow = /[/\\](?!0marker)[^/\\]*\.jwe$/.test(String(to));
    if (isRow && stops()) process.kill(process.pid, 'SIGSTOP');
    return rename(from, to);
  };
  syncBuiltinESMExports();
}
