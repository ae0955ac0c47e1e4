import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ServerAddress } from '../server/main.js';
import { COMPILED } from '../support/compile.js';
import { interleave } from '../support/interleave.js';
import type { PartOptions } from '../support/part.js';
import { makeSeries, type Series } from '../support/results.js';
import { makeProcesses, neutralEnvironment } from '../support/start-process.js';
import { type InstalledPackage, installPackages } from './install-packages.js';

const run = promisify(execFile);

/** What each process does before it ends. */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['nothing', ''],
  ['undici', "import('undici')"],
  ['mcp-tls/core', "import('mcp-tls/core')"],
  ['mcp-tls', "import('mcp-tls')"],
]);

/** From starting Node.js to its end with nothing but an import, and what an installation brings. */
export async function runStart(options: PartOptions): Promise<readonly Series[]> {
  const { binary, quick } = options;
  const rounds = options.rounds ?? (quick ? 3 : 9);
  const start = async (program: string): Promise<number> => {
    const started = performance.now();
    await run(binary, ['-e', program], { cwd: COMPILED, env: neutralEnvironment() });
    return performance.now() - started;
  };
  const starts = new Map([...PROGRAMS].map(([id, program]) => [id, () => start(program)]));
  // Once without a figure: the files come from the disk then.
  await interleave(starts, 1);
  const times = await interleave(starts, rounds);
  return [
    makeSeries(
      { id: 'start.time', title: 'a process that only imports', unit: 'ms', bases: ['undici'] },
      times,
    ),
    ...(quick ? [] : installed(await installPackages(['mcp-tls', 'undici']))),
    await changedGlobals(binary),
  ];
}

function installed(packages: ReadonlyMap<string, InstalledPackage>): readonly Series[] {
  const figure = (pick: (one: InstalledPackage) => number) =>
    new Map([...packages].map(([id, one]) => [id, [pick(one)]]));
  return [
    makeSeries(
      { id: 'start.size', title: 'installed, dependencies included', unit: 'KB', bases: [] },
      figure(({ bytes }) => bytes / 1_024),
    ),
    makeSeries(
      { id: 'start.packages', title: 'packages installed, itself included', unit: '', bases: [] },
      figure(({ packages }) => packages),
    ),
  ];
}

/** How many globals are others after import and use, each library in a process of its own. */
async function changedGlobals(binary: string): Promise<Series> {
  await using processes = makeProcesses();
  const server = processes.start('server', { binary });
  const address = await server.call<ServerAddress>('start');
  const counts = new Map<string, number[]>();
  for (const contender of ['mcp-tls/core', 'mcp-tls', 'undici', 'mcp-sdk']) {
    const process = processes.start('start', { binary });
    const changed = await process.call<string[]>('changedGlobals', { contender, ...address });
    if (contender.startsWith('mcp-tls') && changed.length > 0) {
      console.error(`${contender} changed globals: ${changed.join(', ')}`);
    }
    counts.set(contender, [changed.length]);
  }
  return makeSeries(
    { id: 'start.globals', title: 'globals changed by import and use', unit: '', bases: [] },
    counts,
  );
}
