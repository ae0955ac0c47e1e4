// node sea.mjs: a single executable of this very Node.js (nodejs.org/api/single-executable-applications.html)
import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { inject } from 'postject';

const name = `sea-${process.versions.node}`;
writeFileSync(
  'sea.json',
  JSON.stringify({ main: 'esbuild.cjs', output: 'sea.blob', disableExperimentalSEAWarning: true }),
);
execFileSync(process.execPath, ['--experimental-sea-config', 'sea.json']);
copyFileSync(process.execPath, name);
await inject(name, 'NODE_SEA_BLOB', readFileSync('sea.blob'), {
  sentinelFuse: 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2',
});
