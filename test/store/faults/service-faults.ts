import { spawn } from 'node:child_process';
import { cpSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { type KeyProvider, wrappedKeyProvider } from '../../../src/store/index.js';
import { recordKey } from '../../../src/store/record-key.js';
import { eventually } from '../../support/waiting.js';
import { aRecord } from '../../unit/store/support.js';
import { startWorker } from '../workers/start-worker.js';
import type { Cell, Fault } from './faults.js';

/** Faults of what stands around a backend: replicas, the node of a subscription, a directory's name, clocks, a KMS. */
export const SERVICE_FAULTS: readonly Fault[] = [
  {
    name: 'replica behind',
    async run(cell) {
      if (cell.world.behind === undefined) return undefined;
      await cell.world.behind.begin();
      try {
        await cell.store.set('new', aRecord());
        await cell.store.delete('b');
        const codes = new Set<string>();
        for (let i = 0; i < 10; i++) {
          const fresh = cell.fresh();
          codes.add(await cell.get(fresh, 'new'));
          if ((await fresh.get('b')) !== undefined)
            cell.violation('a withdrawn record was given out');
        }
        return `get of a new one ${[...codes].join('/')}, of a withdrawn one none`;
      } finally {
        await cell.world.behind.end();
      }
    },
  },
  {
    name: 'failover to a replica that is behind, one had to acknowledge',
    async run({ world, fresh, violation }) {
      const { behind, dieWith, acknowledged } = world;
      if (behind === undefined || dieWith === undefined || acknowledged === undefined)
        return undefined;
      const limits = { timeout: { readMs: 3_000, writeMs: 3_000 } };
      const writer = fresh({ ...acknowledged(), ...limits });
      const whole = await writer.set('kept', aRecord()).then(() => 'ok', codeOf);
      await behind.begin();
      const cut = await writer.delete('b').then(() => 'ok', codeOf);
      if (cut === 'ok') violation('a withdrawal was acknowledged that no replica has');
      await dieWith();
      const after = fresh(limits);
      await eventually(async () => {
        if ((await after.get('kept')) === undefined) violation('an acknowledged record is missing');
      }, 30_000);
      return `set ${whole}; cut off: delete ${cut}; after the failover get ok`;
    },
  },
  {
    name: "subscription's node dies",
    async run({ world, fresh, violation }) {
      if (world.dieWith === undefined || world.acknowledged !== undefined) return undefined;
      const limits = { timeout: { readMs: 5_000, writeMs: 5_000 } };
      const reader = fresh({ cache: { ttlMs: 600_000 }, ...limits });
      const writer = fresh(limits);
      await eventually(async () => {
        if (!reader.stats().listening) throw new Error('does not listen yet');
      }, 15_000);
      await reader.get('b');
      await world.dieWith();
      await eventually(() => writer.delete('b'), 60_000);
      const begun = performance.now();
      await eventually(async () => {
        if ((await reader.get('b')) !== undefined) throw new Error('still given out');
      }, 20_000).catch(() => violation('a withdrawal was not noticed'));
      return `a withdrawal is noticed, after ${performance.now() - begun < 10_000 ? 'less' : 'more'} than 10 s`;
    },
  },
  {
    name: 'directory swapped',
    async run(cell) {
      if (cell.world.swapped === undefined) return undefined;
      // Another one lies beside it, with the same records: what is restored.
      cpSync(cell.world.swapped, `${cell.world.swapped}.other`, { recursive: true });
      const script = fileURLToPath(new URL('../workers/swap-directory.ts', import.meta.url));
      const swapping = spawn(process.execPath, ['--import', 'tsx', script, cell.world.swapped], {
        stdio: 'ignore',
      });
      const counts = new Map<string, number>();
      try {
        for (let i = 0; i < 300; i++) {
          const code = await cell.get(cell.fresh());
          counts.set(code, (counts.get(code) ?? 0) + 1);
        }
      } finally {
        swapping.kill('SIGKILL');
      }
      return `get ${[...counts].map(([code, count]) => `${code} ×${count}`).join(', ')}`;
    },
  },
  {
    name: 'inotify exhausted',
    async run(cell) {
      const { watched } = cell.world;
      if (watched === undefined) return undefined;
      const program = fileURLToPath(new URL('../workers/unwatched.ts', import.meta.url));
      const worker = await startWorker(program, { withoutWatches: true });
      try {
        const ttlMs = 1_000;
        await worker.call('open', watched, 'faults', cell.key, ttlMs);
        const first = await worker.call('get', 'a');
        if (first !== 'a1') cell.violation(`get gave ${first}`);
        if (await worker.call('isListening')) cell.violation('it says that it listens');
        await cell.store.set('a', aRecord({ approvedBy: 'a2' }));
        await eventually(async () => {
          if ((await worker.call('get', 'a')) !== 'a2') throw new Error('still the old one');
        }, 10 * ttlMs).catch(() => cell.violation('a change was not noticed'));
        await worker.call('giveWatches');
        await eventually(async () => {
          if (!(await worker.call('isListening'))) throw new Error('does not listen');
        }, 20_000).catch(() => cell.violation('it listens no more'));
        return 'get ok, not listening, a change is noticed after ttlMs; listens when there are watches again';
      } finally {
        await worker.kill();
      }
    },
  },
  {
    name: 'listing cut',
    async run(cell) {
      if (cell.world.cut === undefined) return undefined;
      await cell.world.cut.begin();
      const fresh = cell.fresh();
      const codes = {
        get: await cell.get(fresh),
        list: await cell.list(fresh),
        'list of a process that knows the records': await cell.list(cell.store),
        rewrap: await cell
          .fresh()
          .rewrap()
          .then(({ total }) => `${total} rows`, codeOf),
        // Sets nothing up where something is.
        initialize: await cell.fresh().initialize().then(String, codeOf),
      };
      if (/rows/.test(codes.rewrap)) cell.violation(`rewrap took ${codes.rewrap} for all`);
      if (codes.initialize === 'true') cell.violation('a store was set up over another');
      for (const [what, code] of Object.entries(codes)) {
        if (/EMPTIED|TAMPERED|VANISHED/.test(code)) cell.violation(`${what}: ${code}`);
      }
      await cell.world.cut.end();
      await cell.whole(fresh);
      return Object.entries(codes)
        .map(([what, code]) => `${what} ${code}`)
        .join(', ');
    },
  },
  {
    name: "one key's read fails",
    async run(cell) {
      if (cell.world.failing === undefined) return undefined;
      cell.world.failing.key = recordKey('b');
      const fresh = cell.fresh();
      const got = `get of that one ${await cell.get(fresh, 'b')}, of another ${await cell.get(fresh)}, list ${await cell.list(fresh)}`;
      cell.world.failing.key = undefined;
      await cell.whole(fresh);
      return got;
    },
  },
  {
    name: 'clock 400 days ahead',
    async run(cell) {
      const until = new Date(Date.now() + 30 * 86_400_000);
      await cell.store.set('a', aRecord({ approvedBy: 'a1', expiresAt: until }));
      const real = Date.now;
      Date.now = () => real() + 400 * 86_400_000;
      const ahead = cell.fresh();
      try {
        await ahead.set('other', aRecord());
        await ahead.delete('b');
      } finally {
        Date.now = real;
      }
      const fresh = cell.fresh();
      const list = await fresh.list().then(() => 'ok', codeOf);
      const codes = [
        await cell.get(cell.store),
        await cell.get(fresh),
        await cell.get(cell.fresh()),
      ];
      if (codes.some((code) => code !== 'ok'))
        cell.violation('an approval expired by the clock of another');
      return `list ${list}, get ${[...new Set(codes)].join('/')}`;
    },
  },
  ...['hung', 'down', 'slow', '403', '429'].map(
    (how): Fault => ({ name: `KMS ${how}`, run: (cell) => withKms(cell, how) }),
  ),
];

/** A process that has its data keys, and one that has none, while the service is in trouble; and both after it. */
async function withKms(cell: Cell, how: string): Promise<string> {
  const kms = await startKms();
  const timeout = { readMs: 600, writeMs: 600 };
  const open = (namespace = 'kms') =>
    cell.fresh({ keys: kms.provider(), namespace, timeout, whenEmpty: 'create' });
  try {
    const known = open();
    await known.set('a', aRecord({ approvedBy: 'a1' }));
    kms.trouble = how;
    const codes: Record<string, string> = {};
    const outcome = async (what: string, run: () => Promise<unknown>): Promise<void> => {
      const begun = performance.now();
      codes[what] = await run().then((value) => (value === undefined ? 'MISS' : 'ok'), codeOf);
      if (codes[what] === 'MISS') cell.violation(`${what} was a silent miss`);
      if (/EMPTIED|TAMPERED|VANISHED/.test(codes[what])) cell.violation(`${what}: ${codes[what]}`);
      if (performance.now() - begun > 6_000) cell.violation(`${what} hung`);
    };
    await outcome('get', () => known.get('a'));
    await outcome('set', () => known.set('a', aRecord({ approvedBy: 'a1' })));
    const fresh = open();
    await outcome('new process: get', () => fresh.get('a'));
    await outcome('new process: set', () => fresh.set('a', aRecord({ approvedBy: 'a1' })));
    if (codes['get'] !== 'ok')
      cell.violation('a service in trouble stopped a process that has its keys');
    kms.trouble = 'none';
    await eventually(async () => {
      if ((await open().get('a'))?.approvedBy !== 'a1') throw new Error('not as it was');
    }, 8_000).catch((error) => cell.violation(`after it: ${error.message}`));
    return Object.entries(codes)
      .map(([what, code]) => `${what} ${code}`)
      .join(', ');
  } finally {
    await kms.stop();
  }
}

/** A key service over HTTP, of which only its behaviour matters here: wrapping is base64. */
async function startKms() {
  const state = { trouble: 'none' };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', async () => {
      const body = Buffer.concat(chunks);
      if (state.trouble === 'hung') return;
      if (state.trouble === 'down') return void request.socket.destroy();
      if (state.trouble === 'slow') await new Promise((resolve) => setTimeout(resolve, 300));
      const status = Number(state.trouble) || 200;
      response.writeHead(status).end(status === 200 ? body : 'no');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const call = async (body: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> => {
    const init = { method: 'POST', body: Buffer.from(body), ...(signal && { signal }) };
    const answer = await fetch(url, init);
    if (!answer.ok) throw new Error(`the key service answered ${answer.status}`);
    return new Uint8Array(await answer.arrayBuffer());
  };
  return {
    set trouble(how: string) {
      state.trouble = how;
    },
    provider: (): KeyProvider =>
      wrappedKeyProvider({
        wrap: (key, { signal }) => call(key, signal),
        unwrap: (key) => call(key),
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function codeOf(error: unknown): string {
  return String((error as { code?: string }).code ?? error).replace('MCP_TLS_STORE_', '');
}
