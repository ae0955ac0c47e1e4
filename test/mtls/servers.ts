import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeLines } from '../../scripts/node-lines.js';
import type { HeldCertificate } from '../../src/testing/index.js';
import { debianProgram } from '../support/debian-program.js';
import { startNginx } from '../support/nginx-server.js';
import { startOpenSslServer } from '../support/openssl-server.js';
import { freePort } from '../support/waiting.js';

/** What demands client certificates: each a server that others wrote, as its documentation says. */
export interface MtlsServer extends AsyncDisposable {
  readonly url: string;
}

export interface MtlsOptions {
  readonly certificate: HeldCertificate;
  readonly clientCa: HeldCertificate;
}

type Start = (options: MtlsOptions) => Promise<MtlsServer>;

export const SERVERS: Readonly<Record<string, Start>> = {
  'Node.js 20': (options) => startNode(20, options),
  'Node.js 24': (options) => startNode(24, options),
  openssl: (options) => startOpenSslServer(options),
  nginx: (options) => startNginx(options),
  HAProxy: startHaproxy,
  Apache: (options) => startApache(options, 'SSLVerifyClient require'),
  'Apache, <Location>': (options) =>
    startApache(options, '<Location "/mcp">\nSSLVerifyClient require\n</Location>'),
};

/** As https.createServer does it: it closes without a word. */
const NODE = `
  const options = JSON.parse(process.env.MTLS_OPTIONS);
  require('node:https').createServer(options, (_, answer) => answer.end('ok'))
    .listen(Number(process.env.MTLS_PORT), '127.0.0.1');`;

async function startNode(line: number, { certificate, clientCa }: MtlsOptions) {
  const [node] = await nodeLines([line]);
  const pair = { cert: certificate.chainPem, key: certificate.keyPem };
  const options = { ...pair, ca: clientCa.pem, requestCert: true, rejectUnauthorized: true };
  return await start(node?.binary as string, async (port) => ({
    args: ['-e', NODE],
    env: { MTLS_OPTIONS: JSON.stringify(options), MTLS_PORT: String(port) },
  }));
}

async function startHaproxy({ certificate, clientCa }: MtlsOptions): Promise<MtlsServer> {
  return await start(await debianProgram('haproxy'), async (port, folder) => {
    const pair = join(folder, 'pair.pem');
    const ca = join(folder, 'ca.pem');
    await writeFile(pair, certificate.chainPem + certificate.keyPem, { mode: 0o600 });
    await writeFile(ca, clientCa.pem);
    const file = join(folder, 'haproxy.cfg');
    await writeFile(
      file,
      `defaults
  mode http
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend tls
  bind 127.0.0.1:${port} ssl crt ${pair} ca-file ${ca} verify required
  http-request return status 200 content-type text/plain string ok
`,
    );
    return { args: ['-db', '-f', file] };
  });
}

/** @param directives where a client certificate is demanded */
async function startApache({ certificate, clientCa }: MtlsOptions, directives: string) {
  const modules = '/usr/lib/apache2/modules';
  return await start(await debianProgram('apache2'), async (port, folder) => {
    const path = (name: string): string => join(folder, name);
    await writeFile(path('cert.pem'), certificate.chainPem);
    await writeFile(path('key.pem'), certificate.keyPem, { mode: 0o600 });
    await writeFile(path('ca.pem'), clientCa.pem);
    await writeFile(path('mcp'), 'ok');
    // It reads what it serves as another user than what it is started by.
    await chmod(folder, 0o755);
    const names = ['mpm_event', 'ssl', 'authz_core', 'socache_shmcb'];
    const load = names
      .filter((name) => existsSync(`${modules}/mod_${name}.so`))
      .map((name) => `LoadModule ${name}_module ${modules}/mod_${name}.so`);
    await writeFile(
      path('httpd.conf'),
      `${load.join('\n')}
ServerRoot ${folder}
ServerName localhost
DefaultRuntimeDir ${folder}
PidFile ${path('pid')}
ErrorLog ${path('error.log')}
User www-data
Group www-data
Listen 127.0.0.1:${port}
DocumentRoot ${folder}
<Directory ${folder}>
Require all granted
</Directory>
SSLEngine on
SSLCertificateFile ${path('cert.pem')}
SSLCertificateKeyFile ${path('key.pem')}
SSLCACertificateFile ${path('ca.pem')}
${directives}
`,
    );
    return { args: ['-X', '-f', path('httpd.conf')] };
  });
}

interface Program {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

async function start(
  binary: string,
  prepare: (port: number, folder: string) => Promise<Program>,
): Promise<MtlsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-mtls-'));
  const port = await freePort();
  const { args, env } = await prepare(port, folder);
  const child = spawn(binary, args, { env: { ...process.env, ...env }, stdio: 'ignore' });
  child.on('error', () => {});
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill();
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true, force: true });
  };
  if (!(await listens(port, child))) {
    const log = await readFile(join(folder, 'error.log'), 'utf8').catch(() => '');
    await stop();
    throw new Error(`${binary} does not listen: ${log}`);
  }
  return { url: `https://127.0.0.1:${port}`, [Symbol.asyncDispose]: stop };
}

async function listens(port: number, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 400 && child.exitCode === null; tries++) {
    const socket = connect(port, '127.0.0.1');
    const opened = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (opened) return true;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return false;
}
