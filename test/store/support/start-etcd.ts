import { join } from 'node:path';
import { debianProgram } from '../../support/debian-program.js';
import { freePort } from '../../support/waiting.js';
import { type StartedServer, startServer } from './start-server.js';

/** An etcd of one node. */
export async function startEtcd(): Promise<StartedServer & { readonly url: string }> {
  const [port, peers] = [await freePort(), await freePort()];
  const [url, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peers}`];
  const server = await startServer(
    await debianProgram('etcd'),
    'etcd',
    (folder) => [
      ...['--data-dir', join(folder, 'data'), '--log-level', 'error'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer],
      ...['--initial-cluster', `default=${peer}`],
    ],
    async () => {
      const answer = await fetch(`${url}/health`);
      if (!(await answer.text()).includes('"true"')) throw new Error('not healthy yet');
    },
  );
  return { ...server, url };
}
