import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeldCertificate } from '../../src/testing/index.js';
import { debianProgram } from './debian-program.js';
import { freePort } from './waiting.js';

/** nginx as an https server: neither written here nor on Node.js. */
export interface NginxServer extends AsyncDisposable {
  readonly url: string;
  /** The requests that it logged: method, URI and status. */
  requests(): Promise<readonly string[]>;
}

export interface NginxOptions {
  readonly certificate: HeldCertificate;
  /** Demands a client certificate from this authority. */
  readonly clientCa?: HeldCertificate;
  /** As in `ssl_protocols`. Default: `TLSv1.2 TLSv1.3`. */
  readonly protocols?: string;
}

/** Starts it on a free port of 127.0.0.1; it answers `ok` to everything. */
export async function startNginx(options: NginxOptions): Promise<NginxServer> {
  const { certificate, clientCa, protocols = 'TLSv1.2 TLSv1.3' } = options;
  const binary = await debianProgram('nginx');
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-nginx-'));
  const port = await freePort();
  const path = (name: string) => join(folder, name);
  await writeFile(path('cert.pem'), certificate.chainPem);
  await writeFile(path('key.pem'), certificate.keyPem, { mode: 0o600 });
  if (clientCa) await writeFile(path('client-ca.pem'), clientCa.pem);
  const clientAuth = clientCa
    ? `ssl_client_certificate ${path('client-ca.pem')}; ssl_verify_client on;`
    : '';
  await writeFile(
    path('nginx.conf'),
    `daemon off; master_process off; pid ${path('pid')}; error_log ${path('error.log')};
     events {}
     http {
       log_format brief '$request_method $request_uri $status';
       access_log ${path('access.log')} brief;
       ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
         .map((kind) => `${kind}_temp_path ${path(kind)};`)
         .join(' ')}
       server {
         listen 127.0.0.1:${port} ssl;
         ssl_certificate ${path('cert.pem')};
         ssl_certificate_key ${path('key.pem')};
         ssl_protocols ${protocols};
         ${clientAuth}
         location / { return 200 ok; }
       }
     }`,
  );
  const child = spawn(binary, ['-p', folder, '-c', path('nginx.conf'), '-e', path('error.log')], {
    stdio: 'ignore',
  });
  child.on('error', () => {});
  const stop = async () => {
    if (child.exitCode === null) {
      child.kill();
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true });
  };
  try {
    await listening(port, () => child.exitCode !== null);
  } catch (error) {
    const log = await readFile(path('error.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`nginx did not start: ${log}`, { cause: error });
  }
  return {
    url: `https://127.0.0.1:${port}`,
    async requests() {
      const log = await readFile(path('access.log'), 'utf8');
      return log.split('\n').filter((line) => line !== '');
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function listening(port: number, ended: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !ended(); tries++) {
    const socket = connect(port, '127.0.0.1');
    const open = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error('nothing listens');
}
