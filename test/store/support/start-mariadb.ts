import { execFile, execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { debianProgram } from '../../support/debian-program.js';
import { freePort } from '../../support/waiting.js';
import { type StartedServer, startServer } from './start-server.js';

/** A MariaDB of its own, and a user there who is none of its administrators. */
export interface MariaDbServer extends StartedServer {
  readonly url: string;
  /** As the administrator. */
  query(sql: string): Promise<unknown>;
}

export async function startMariaDb(): Promise<MariaDbServer> {
  const program = await debianProgram('mariadbd');
  const port = await freePort();
  let socketPath = '';
  const query = async (sql: string): Promise<unknown> => {
    const words = ['--no-defaults', `--socket=${socketPath}`, '--user=root', `--execute=${sql}`];
    return promisify(execFile)(join(dirname(program), '../bin/mariadb'), words);
  };
  const server = await startServer(
    program,
    'mariadb',
    (folder) => {
      const data = join(folder, 'data');
      socketPath = join(folder, 'socket');
      const install = join(dirname(program), '../bin/mariadb-install-db');
      const made = [`--datadir=${data}`, '--user=root', '--auth-root-authentication-method=normal'];
      execFileSync(install, ['--no-defaults', ...made], { stdio: 'ignore' });
      return [
        ...['--no-defaults', '--user=root', `--datadir=${data}`, `--socket=${socketPath}`],
        ...[
          `--port=${port}`,
          '--bind-address=127.0.0.1',
          '--skip-name-resolve',
          `--pid-file=${join(folder, 'pid')}`,
        ],
      ];
    },
    () => query('SELECT 1'),
  );
  await query('CREATE DATABASE store');
  await query("CREATE USER gateway@'127.0.0.1' IDENTIFIED BY 'open-sesame'");
  await query("GRANT ALL ON store.* TO gateway@'127.0.0.1'");
  return { ...server, query, url: `mysql://gateway:open-sesame@127.0.0.1:${port}/store` };
}
