import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HeldCertificate } from '../../src/testing/index.js';

/** `openssl s_server`: a TLS server that was not written here, nor on Node.js. */
export interface OpenSslServer extends AsyncDisposable {
  readonly url: string;
}

export interface OpenSslServerOptions {
  readonly certificate: HeldCertificate;
  /** Demands a client certificate from this authority. */
  readonly clientCa?: HeldCertificate;
  /** Further arguments, such as `-tls1_2`. */
  readonly args?: readonly string[];
}

/** Starts it with a status page on a free port of 127.0.0.1. */
export async function startOpenSslServer(options: OpenSslServerOptions): Promise<OpenSslServer> {
  const { certificate, clientCa, args = [] } = options;
  const folder = await mkdtemp(join(tmpdir(), 'mcp-tls-openssl-'));
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const certificates = [
    '-cert',
    await write('cert.pem', certificate.certificatePem),
    '-key',
    await write('key.pem', certificate.keyPem),
    '-cert_chain',
    await write('chain.pem', certificate.chainPem),
  ];
  const demand =
    clientCa === undefined
      ? []
      : [
          '-Verify',
          '3',
          '-verify_return_error',
          '-CAfile',
          await write('client-ca.pem', clientCa.certificatePem),
        ];
  const listen = ['s_server', '-www', '-accept', `127.0.0.1:${port}`];
  const child = spawn('openssl', [...listen, ...certificates, ...demand, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.on('error', () => {});
  child.stderr.resume();
  // It says ACCEPT once it listens.
  await Promise.race([once(child.stdout, 'data'), once(child, 'exit')]);
  child.stdout.resume();
  if (child.exitCode !== null)
    throw new Error('openssl s_server did not start: is openssl installed?');
  return {
    url: `https://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null) {
        child.kill();
        await once(child, 'exit');
      }
      await rm(folder, { recursive: true });
    },
  };
}

/** s_server prints the port that it was told, not the one that it got. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}
