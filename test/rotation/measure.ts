import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createCertificateStore,
  createServerRegistry,
  fromFile,
  makeCustomClientFactory,
  onDiagnostic,
  type TrustPolicy,
} from '../../src/index.js';
import { type HeldCertificate, heldCertificate, startTlsServer } from '../../src/testing/index.js';
import { inotifyWatches } from '../support/inotify-watches.js';

export interface Cost {
  readonly by: Follower;
  readonly servers: number;
  readonly directories: number;
  readonly watchers: number;
  readonly makingCpuMs: number;
  /** While nothing changes. */
  readonly idleCpuPercent: number;
  /** Until all servers of one directory have taken another CA besides. */
  readonly changeCpuMs: number;
  readonly watchersAfterClose: number;
}

/** Factories; or the servers of a registry whose records name the files, each with a connection that was used. */
export type Follower = 'factories' | 'a registry';

/** What it costs to follow the CA of many servers, in one directory or in as many as there are servers. */
export async function measure(by: Follower, servers: number, directories: number): Promise<Cost> {
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
  const trusts = Array.from({ length: servers }, (_, i) => ({
    ca: fromFile(paths[i % directories] as string),
  }));
  const close = by === 'factories' ? makeFactories(trusts) : await register(trusts, one);
  const makingCpuMs = sinceMs(making);
  const open = inotifyWatches() - before;
  await sleep(500);
  const idle = process.cpuUsage();
  await sleep(20_000);
  const idleCpuPercent = sinceMs(idle) / 200;
  let changed = 0;
  const listening = onDiagnostic('mcp-tls:source-changed', () => void changed++);
  const changing = process.cpuUsage();
  writeFileSync(paths[0] as string, one.pem + other.pem);
  while (changed < servers / directories) await sleep(20);
  const changeCpuMs = sinceMs(changing);
  listening[Symbol.dispose]();
  await close();
  rmSync(base, { recursive: true });
  const watchersAfterClose = inotifyWatches() - before;
  return {
    ...{ by, servers, directories, watchers: open, makingCpuMs, idleCpuPercent, changeCpuMs },
    watchersAfterClose,
  };
}

function makeFactories(trusts: readonly TrustPolicy[]): () => Promise<unknown> {
  const factories = trusts.map((trust) => makeCustomClientFactory(trust));
  return () => Promise.all(factories.map((factory) => factory.close()));
}

async function register(
  trusts: readonly TrustPolicy[],
  ca: HeldCertificate,
): Promise<() => Promise<unknown>> {
  const server = await startTlsServer({ certificate: await heldCertificate({ signedBy: ca }) });
  const keys = { id: 'k', key: Buffer.alloc(32, 7) };
  const store = createCertificateStore({ keys, storage: new Map(), whenEmpty: 'create' });
  const registry = createServerRegistry({ store, maxPools: trusts.length });
  for (const [i, trust] of trusts.entries()) {
    await registry.register(String(i), server.url, { trust });
    const client = (await registry.clientFactory(String(i)))();
    await (await client(server.url)).text();
  }
  return async () => {
    await registry.close();
    await store.close();
    await server.close();
  };
}

function sinceMs(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}
