import { join } from 'node:path';
import { debianProgram } from '../../support/debian-program.js';
import { freePort } from '../../support/waiting.js';
import { type StartedServer, startServer } from './start-server.js';

/** An etcd of one node. */
export interface EtcdServer extends StartedServer {
  readonly url: string;
  /** Writes until it takes no more; and makes room again. */
  fill(): Promise<void>;
  clear(): Promise<void>;
}

const QUOTA_BYTES = 4 * 2 ** 20;

export async function startEtcd(): Promise<EtcdServer> {
  const [port, peers] = [await freePort(), await freePort()];
  const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peers}`];
  const server = await startServer(
    await debianProgram('etcd'),
    'etcd',
    (folder) => [
      ...['--data-dir', join(folder, 'data'), '--log-level', 'error'],
      ...['--quota-backend-bytes', `${QUOTA_BYTES}`],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `default=${peer}`],
    ],
    async () => {
      const answer = await fetch(`${url}/health`);
      if (!(await answer.text()).includes('"true"')) throw new Error('not healthy yet');
    },
  );
  /** By its JSON gateway. */
  const call = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(text);
    return JSON.parse(text);
  };
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    ...server,
    url,
    async fill() {
      const value = base64('x'.repeat(500_000));
      for (let i = 0; ; i++) {
        const put = call('kv/put', { key: base64(`junk-${i}`), value });
        const failure = await put.then(() => '', String);
        if (failure.includes('database space exceeded')) return;
        if (failure !== '' || i === 100) throw new Error(`not full: ${failure}`);
      }
    },
    async clear() {
      const range = { key: base64('junk-'), range_end: base64('junk.') };
      const { header } = await call('kv/deleterange', range);
      const { revision } = header as { readonly revision: string };
      await call('kv/compaction', { revision, physical: true });
      await call('maintenance/defragment', {});
      await call('maintenance/alarm', { action: 'DEACTIVATE', memberID: '0', alarm: 'NOSPACE' });
    },
  };
}
