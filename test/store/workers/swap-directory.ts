/** Renames a directory away and back all the time, as a restore or a remount does it. */
import { renameSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const [path = ''] = process.argv.slice(2);
for (;;) {
  renameSync(path, `${path}.away`);
  renameSync(`${path}.other`, path);
  await sleep(1);
  renameSync(path, `${path}.other`);
  renameSync(`${path}.away`, path);
  await sleep(1);
}
