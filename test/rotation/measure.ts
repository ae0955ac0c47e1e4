import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fromFile, makeCustomClientFactory, onDiagnostic } from '../../src/index.js';
import { heldCertificate } from '../../src/testing/index.js';
import { inotifyWatches } from '../support/inotify-watches.js';

export interface Cost {
  readonly servers: number;
  readonly directories: number;
  readonly watchers: number;
  readonly makingCpuMs: number;
  /** While nothing changes. */
  readonly idleCpuPercent: number;
  /** Until all servers of one directory have taken a new CA. */
  readonly changeCpuMs: number;
  readonly watchersAfterClose: number;
}

/** What it costs to follow the CA of many servers, in one directory or in as many as there are servers. */
export async function measure(servers: number, directories: number): Promise<Cost> {
  const base = mkdtempSync(join(tmpdir(), 'mcp-tls-cost-'));
  const [one, other] = [
    await heldCertificate({ isCa: true }),
    await heldCertificate({ isCa: true }),
  ];
  const paths = Array.from({ length: directories }, (_, i) => join(base, String(i), 'ca.crt'));
  for (const path of paths) {
    mkdirSync(join(path, '..'));
    writeFileSync(path, one.pem);
  }
  const before = inotifyWatches();
  const making = process.cpuUsage();
  const factories = Array.from({ length: servers }, (_, i) =>
    makeCustomClientFactory({ ca: fromFile(paths[i % directories] as string) }),
  );
  const makingCpuMs = sinceMs(making);
  const open = inotifyWatches() - before;
  await sleep(500);
  const idle = process.cpuUsage();
  await sleep(20_000);
  const idleCpuPercent = sinceMs(idle) / 200;
  let changed = 0;
  const listening = onDiagnostic('mcp-tls:source-changed', () => void changed++);
  const changing = process.cpuUsage();
  writeFileSync(paths[0] as string, other.pem);
  while (changed < servers / directories) await sleep(20);
  const changeCpuMs = sinceMs(changing);
  listening[Symbol.dispose]();
  await Promise.all(factories.map((factory) => factory.close()));
  rmSync(base, { recursive: true });
  const watchersAfterClose = inotifyWatches() - before;
  return {
    ...{ servers, directories, watchers: open, makingCpuMs, idleCpuPercent, changeCpuMs },
    watchersAfterClose,
  };
}

function sinceMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
